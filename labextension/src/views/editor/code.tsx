import * as React from 'react';
import type { IEditor } from '../../contract';
import { useTools } from '../../react';

/** JupyterLab's code editor as a part of the form. */
export function Code({
  text,
  onChange,
  mime,
  label,
  variables,
  marks
}: {
  text: string;
  onChange: (text: string) => void;
  mime: string;
  label: string;
  /** Offered after `{{`. */
  variables?: readonly string[];
  marks?: readonly { line: number; message: string }[];
}): JSX.Element {
  const tools = useTools();
  const el = React.useRef<HTMLDivElement>(null);
  const editor = React.useRef<IEditor>();
  const latest = React.useRef({ text, onChange, variables });
  latest.current = { text, onChange, variables };
  const offers = variables !== undefined;
  React.useEffect(() => {
    const made = tools.editor(el.current!, {
      text: latest.current.text,
      mime,
      label,
      onChange: typed => typed !== latest.current.text && latest.current.onChange(typed),
      variables: offers ? () => latest.current.variables ?? [] : undefined
    });
    editor.current = made;
    return () => {
      editor.current = undefined;
      made.dispose();
    };
  }, [tools, mime, label, offers]);
  React.useEffect(() => {
    if (editor.current) {
      editor.current.text = text;
    }
  }, [text]);
  const shown = JSON.stringify(marks ?? []);
  React.useEffect(() => {
    editor.current?.mark(JSON.parse(shown) as { line: number; message: string }[]);
  }, [shown, text]);
  return <div ref={el} className="ccp-EditorCode" />;
}
