import * as React from 'react';
import { useTools } from '../../react';
import { Code } from './code';
import { fromDocument, toDocument } from './document';
import { IDraft } from './model';
import { useEditing } from './parts';

/** The whole document as JSON. Text that cannot be read stays here, and the form as it was. */
export function JsonView({
  text,
  setText,
  replace
}: {
  /** What was typed and could not be read; null when it is the draft. */
  text: string | null;
  setText: (text: string | null) => void;
  /** Throws what is wrong with it. */
  replace: (document: unknown) => IDraft;
}): JSX.Element {
  const { trans } = useTools();
  const { draft, problems } = useEditing();
  const written = React.useMemo(() => JSON.stringify(toDocument(draft), null, 2), [draft]);
  // What was typed stays as it was typed, as long as it means what the draft says.
  const [typed, setTyped] = React.useState({ text: '', written: '' });
  const shown = text ?? (typed.written === written ? typed.text : written);
  const wrong = text === null ? null : unreadable(text);
  const onChange = (next: string) => {
    try {
      const read = replace(JSON.parse(next));
      setTyped({ text: next, written: JSON.stringify(toDocument(read), null, 2) });
      setText(null);
    } catch {
      setText(next);
    }
  };
  return (
    <div className="ccp-EditorJsonView">
      {wrong && (
        <p className="ccp-EditorField-problem" role="status">
          {wrong.message} {trans('The form shows the Method as it was before.')}
        </p>
      )}
      <Code
        mime="application/json"
        label={trans('Method as JSON')}
        text={shown}
        marks={wrong ? [wrong] : []}
        onChange={onChange}
      />
      {!wrong && problems.length > 0 && (
        <ul className="ccp-EditorField-problem">
          {problems.map(({ member, rule }) => (
            <li key={`${member} ${rule}`}>
              <code>{member}</code> {rule}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Why a text is no Method, and on which line. */
export function unreadable(text: string): { line: number; message: string } | null {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    const message = messageOf(error);
    const line = /line (\d+)/.exec(message)?.[1];
    const position = /position (\d+)/.exec(message)?.[1];
    const before = position ? text.slice(0, Number(position)).split('\n').length : 1;
    // Some browsers say neither: then the end, where most mistakes show.
    const found = line ? Number(line) : position ? before : text.split('\n').length;
    return { line: found, message };
  }
  try {
    fromDocument(document);
  } catch (error) {
    return { line: 1, message: messageOf(error) };
  }
  return null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
