import { closeIcon, downloadIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { IconButton, IconLink, ProblemBox, size } from '../../parts';
import { useRead, useTools } from '../../react';
import { fileAddress, IOutputFile, isBinary, lookOf, MOST_IMAGE, MOST_TEXT } from './files';
import { NotebookPreview } from './notebook';
import { readTable } from './table';

/** Characters of plain text that are shown; more makes pages slow. */
const MOST_SHOWN = 200_000;

/** A file, before it is fetched: as text, table, image, notebook or JSON. */
export function Preview({
  id,
  file,
  onClose
}: {
  id: string;
  file: IOutputFile;
  onClose: () => void;
}): JSX.Element {
  const { trans, address } = useTools();
  const path = fileAddress(id, file.path);
  return (
    <section className="ccp-Preview" aria-label={trans('Preview of %1', file.path)}>
      <div className="ccp-Preview-head">
        <span title={file.path}>{file.path}</span>
        <span className="ccp-secondary">{size(file.size)}</span>
        <IconLink
          icon={downloadIcon}
          label={trans('Download this file')}
          href={address(path)}
          download
        />
        <IconButton icon={closeIcon} label={trans('Close preview')} onClick={onClose} />
      </div>
      <Content path={path} file={file} />
    </section>
  );
}

function Content({ path, file }: { path: string; file: IOutputFile }): JSX.Element {
  const { trans, address } = useTools();
  const { look, mime } = lookOf(file.path);
  if (look === 'none') {
    return <Remark>{trans('Files of this kind have no preview.')}</Remark>;
  }
  if (file.size > (look === 'image' ? MOST_IMAGE : MOST_TEXT)) {
    return (
      <Remark>{trans('It is too large for a preview. Download it, or fetch all outputs.')}</Remark>
    );
  }
  if (look === 'image') {
    return (
      <div className="ccp-Preview-body">
        <img src={address(path)} alt={file.path} />
      </div>
    );
  }
  return <TextContent path={path} look={look} mime={mime} />;
}

function TextContent({
  path,
  look,
  mime
}: {
  path: string;
  look: string;
  mime: string;
}): JSX.Element {
  const { trans } = useTools();
  const { value, problem, loading, again } = useRead<unknown>(path, {
    headers: { Accept: '*/*' }
  });
  if (problem) {
    return <ProblemBox problem={problem} again={again} />;
  }
  if (loading) {
    return <Remark>{trans('Reading…')}</Remark>;
  }
  // JSON comes decoded.
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null, null, 2);
  if (isBinary(text)) {
    return <Remark>{trans('This is no text. Download it, or fetch all outputs.')}</Remark>;
  }
  switch (look) {
    case 'table':
      return <TablePreview text={text} />;
    case 'notebook':
      return <NotebookPreview text={text} />;
    case 'json':
    case 'rendered':
      return <Rendered mime={mime} text={text} />;
    default:
      return <Plain text={text} />;
  }
}

function Remark({ children }: React.PropsWithChildren): JSX.Element {
  return <p className="ccp-Loading ccp-secondary">{children}</p>;
}

export function Plain({ text }: { text: string }): JSX.Element {
  const { trans } = useTools();
  return (
    // Scrolled by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="ccp-Preview-body" tabIndex={0} role="region" aria-label={trans('Content')}>
      <pre>{text.slice(0, MOST_SHOWN)}</pre>
      {text.length > MOST_SHOWN && <Remark>{trans('Only the beginning is shown.')}</Remark>}
    </div>
  );
}

/** As JupyterLab shows outputs of cells that are not trusted: without scripts. */
export function Rendered({ mime, text }: { mime: string; text: string }): JSX.Element {
  const { preview, trans } = useTools();
  const frame = React.useRef<HTMLDivElement>(null);
  const [plain, setPlain] = React.useState(false);
  React.useEffect(() => {
    let current = true;
    preview(frame.current!, mime, text).then(
      shown => current && setPlain(!shown),
      () => current && setPlain(true)
    );
    return () => {
      current = false;
    };
  }, [preview, mime, text]);
  return (
    <>
      <div
        ref={frame}
        className="ccp-Preview-body"
        hidden={plain}
        // Scrolled by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        role="region"
        aria-label={trans('Content')}
      />
      {plain && <Plain text={text} />}
    </>
  );
}

function TablePreview({ text }: { text: string }): JSX.Element {
  const { trans } = useTools();
  const { head, rows, cut } = React.useMemo(() => readTable(text), [text]);
  return (
    <div
      className="ccp-Preview-body ccp-TableFrame"
      // Scrolled by keyboard.
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      role="region"
      aria-label={trans('Table')}
    >
      <table className="ccp-Table">
        <thead>
          <tr>
            {head.map((name, index) => (
              <th key={index} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((value, column) => (
                <td key={column}>{value}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {cut && <Remark>{trans('Only the first rows and columns are shown.')}</Remark>}
    </div>
  );
}
