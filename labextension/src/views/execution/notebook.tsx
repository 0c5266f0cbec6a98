import * as React from 'react';
import { useTools } from '../../react';
import { bestOutput, ICell, readNotebook } from './cells';
import { Plain, Rendered } from './preview';

/** A notebook's cells with their outputs, to be read; nothing of it runs. */
export function NotebookPreview({ text }: { text: string }): JSX.Element {
  const { trans } = useTools();
  const notebook = React.useMemo(() => readNotebook(text), [text]);
  if (!notebook) {
    return <Plain text={text} />;
  }
  return (
    <div
      className="ccp-Preview-body ccp-Notebook"
      // Scrolled by keyboard.
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      role="region"
      aria-label={trans('Notebook')}
    >
      {notebook.cells.map((cell, index) => (
        <Cell key={index} cell={cell} />
      ))}
      {notebook.cut && <p className="ccp-secondary">{trans('Only the first cells are shown.')}</p>}
    </div>
  );
}

function Cell({ cell }: { cell: ICell }): JSX.Element {
  if (cell.kind === 'markdown') {
    return <Rendered mime="text/markdown" text={cell.source} />;
  }
  return (
    <div className="ccp-Notebook-cell">
      <pre className="ccp-Notebook-source">{cell.source}</pre>
      {cell.outputs.map((output, index) => {
        const { mime, text } = bestOutput(output);
        return mime === 'text/plain' ? (
          <pre key={index}>{text}</pre>
        ) : (
          <Rendered key={index} mime={mime} text={text} />
        );
      })}
    </div>
  );
}
