import * as React from 'react';
import type { IEditor } from '../../contract';
import { useTools } from '../../react';
import type { IControl } from './controls';

/** JupyterLab's code editor as the control of a value. */
export function EditorControl({
  field,
  value,
  onChange,
  id,
  label,
  describedBy,
  invalid,
  mime
}: IControl & { mime?: string }): JSX.Element {
  return (
    <div role="group" aria-describedby={describedBy} data-invalid={invalid || undefined}>
      <CodeEditor
        id={id}
        text={value}
        onChange={onChange}
        mime={mime ?? 'text/plain'}
        label={label ?? field.title}
      />
    </div>
  );
}

/** The editor; its text follows `text` without losing the place of the cursor. */
export function CodeEditor({
  id,
  text,
  onChange,
  mime,
  label,
  readOnly,
  marks
}: {
  id?: string;
  text: string;
  onChange?: (text: string) => void;
  mime: string;
  label: string;
  readOnly?: boolean;
  marks?: readonly { line: number; message: string }[];
}): JSX.Element {
  const tools = useTools();
  const frame = React.useRef<HTMLDivElement>(null);
  const editor = React.useRef<IEditor>();
  const latest = React.useRef({ text, onChange });
  latest.current = { text, onChange };
  React.useEffect(() => {
    const made = tools.editor(frame.current!, {
      text: latest.current.text,
      mime,
      label,
      readOnly,
      onChange: next => {
        if (next !== latest.current.text) {
          latest.current.onChange?.(next);
        }
      }
    });
    editor.current = made;
    return () => made.dispose();
  }, [tools, mime, label, readOnly]);
  React.useEffect(() => {
    if (editor.current) {
      editor.current.text = text;
    }
  }, [text]);
  React.useEffect(() => editor.current?.mark(marks ?? []), [marks]);
  return (
    <div
      ref={frame}
      id={id}
      className="ccp-Field-editor"
      tabIndex={-1}
      onFocus={event => event.target === frame.current && editor.current?.focus()}
    />
  );
}
