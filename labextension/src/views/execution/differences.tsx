import * as React from 'react';
import type { components } from '../../generated/api';
import { size } from '../../parts';
import { useTools } from '../../react';
import { usePhaseWords } from './phases-now';

type Comparison = components['schemas']['ComparisonInfo'];
type TextDiff = components['schemas']['TextDiff'];

/** What is compared, one thing after the other; what is the same is said in a word. */
export function Differences({ found }: { found: Comparison }): JSX.Element {
  const { trans } = useTools();
  const { method, inputs, outputs, log } = found;
  const given = { ...inputs.changed };
  const inputsSame =
    !Object.keys(given).length &&
    !Object.keys(inputs.added).length &&
    !Object.keys(inputs.removed).length;
  return (
    <div className="ccp-Differences">
      <Pairs found={found} />
      <Part title={trans('Inputs')} same={inputsSame}>
        <InputsTable inputs={inputs} />
      </Part>
      <Part title={trans('Method')} same={method.same}>
        {Object.entries({ ...method.scripts, ...method.members }).map(([name, diff]) => (
          <Diff key={name} title={name} diff={diff} />
        ))}
      </Part>
      <Part title={trans('Output files')} same={outputs.same}>
        <OutputsTable outputs={outputs} />
      </Part>
      <Part title={trans('Log')} same={log.same}>
        <Diff title={trans('Log')} diff={log} />
      </Part>
      <Part title={trans('Times')}>
        <Times times={found.times} />
      </Part>
    </div>
  );
}

function Part({
  title,
  same,
  children
}: React.PropsWithChildren<{ title: string; same?: boolean }>): JSX.Element {
  const { trans } = useTools();
  return (
    <section>
      <h3>
        {title} {same && <span className="ccp-secondary">{trans('the same')}</span>}
      </h3>
      {!same && children}
    </section>
  );
}

/** Members of which there is one on each side. */
function Pairs({ found }: { found: Comparison }): JSX.Element {
  const { trans } = useTools();
  const rows: [string, { this: unknown; other: unknown; same: boolean }][] = [
    [trans('Execution'), found.id],
    [trans('Status'), found.status],
    [trans('Message'), found.message],
    [trans('Exit codes'), found.exit_codes],
    [trans('Version'), found.method.version],
    [trans('Runtime'), found.image],
    [trans('Digest of the image'), found.digests],
    [trans('Infrastructure'), found.infrastructure],
    [trans('Nodes'), found.nodes],
    ...Object.entries(found.limits)
  ];
  return (
    <Table head={['', trans('This one'), trans('The other one')]}>
      {rows.map(([name, pair]) => (
        <tr key={name} data-same={pair.same}>
          <th scope="row">{name}</th>
          <td>{shown(pair.this)}</td>
          <td>{pair.same ? trans('the same') : shown(pair.other)}</td>
        </tr>
      ))}
    </Table>
  );
}

function InputsTable({ inputs }: { inputs: Comparison['inputs'] }): JSX.Element {
  const { trans } = useTools();
  const rows: [string, unknown, unknown][] = [
    ...Object.entries(inputs.changed).map(([name, pair]): [string, unknown, unknown] => [
      name,
      pair.this,
      pair.other
    ]),
    ...Object.entries(inputs.added).map(([name, value]): [string, unknown, unknown] => [
      name,
      value,
      undefined
    ]),
    ...Object.entries(inputs.removed).map(([name, value]): [string, unknown, unknown] => [
      name,
      undefined,
      value
    ])
  ];
  return (
    <>
      <Table head={[trans('Input'), trans('This one'), trans('The other one')]}>
        {rows.map(([name, mine, theirs]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{shown(mine)}</td>
            <td>{shown(theirs)}</td>
          </tr>
        ))}
      </Table>
      {inputs.secrets.length > 0 && (
        <p className="ccp-secondary">
          {trans('Nobody can compare secrets: %1', inputs.secrets.join(', '))}
        </p>
      )}
    </>
  );
}

function OutputsTable({ outputs }: { outputs: Comparison['outputs'] }): JSX.Element {
  const { trans } = useTools();
  if (!outputs.known) {
    return <p className="ccp-secondary">{trans('Not both have outputs.')}</p>;
  }
  const { same = 0, changed = 0, added = 0, removed = 0 } = outputs.counts;
  return (
    <>
      <p>
        {trans(
          '%1 the same, %2 changed, %3 only here, %4 only there',
          same,
          changed,
          added,
          removed
        )}
      </p>
      <Table head={[trans('File'), trans('This one'), trans('The other one')]}>
        {outputs.changed.map(({ path, this: mine, other }) => (
          <FileRow key={path} path={path} mine={mine} theirs={other} />
        ))}
        {outputs.added.map(each => (
          <FileRow key={each.path} path={each.path} mine={each} />
        ))}
        {outputs.removed.map(each => (
          <FileRow key={each.path} path={each.path} theirs={each} />
        ))}
      </Table>
    </>
  );
}

function FileRow({
  path,
  mine,
  theirs
}: {
  path: string;
  mine?: { size: number; sha256: string };
  theirs?: { size: number; sha256: string };
}): JSX.Element {
  const told = (file?: { size: number; sha256: string }) =>
    file ? `${size(file.size)}, ${file.sha256.slice(0, 12)}` : '–';
  return (
    <tr>
      <th scope="row">{path}</th>
      <td>{told(mine)}</td>
      <td>{told(theirs)}</td>
    </tr>
  );
}

function Times({ times }: { times: Comparison['times'] }): JSX.Element {
  const { trans } = useTools();
  const words = usePhaseWords();
  const told = (seconds: number | null) => (seconds === null ? '–' : `${seconds.toFixed(1)} s`);
  return (
    <Table head={[trans('Phase'), trans('This one'), trans('The other one')]}>
      {times.map(({ task, phase, this: mine, other }) => (
        <tr key={`${task} ${phase}`}>
          <th scope="row">
            {words[phase] ?? phase} {task > 1 && `(${task})`}
          </th>
          <td>{told(mine)}</td>
          <td>{told(other)}</td>
        </tr>
      ))}
    </Table>
  );
}

/** As `diff -u` shows it, from the other one to this one. */
function Diff({ title, diff }: { title: string; diff: TextDiff }): JSX.Element {
  const { trans } = useTools();
  return (
    <figure className="ccp-Diff">
      <figcaption className="ccp-secondary">{title}</figcaption>
      <pre>
        {diff.lines.map((line, index) => (
          <span key={index} data-sign={line[0]}>
            {line}
            {'\n'}
          </span>
        ))}
      </pre>
      {diff.cut && <p className="ccp-secondary">{trans('Only the beginning is compared.')}</p>}
    </figure>
  );
}

function Table({ head, children }: React.PropsWithChildren<{ head: string[] }>): JSX.Element {
  return (
    <table className="ccp-Table ccp-mod-wide">
      <thead>
        <tr>
          {head.map((name, index) =>
            name ? (
              <th key={index} scope="col">
                {name}
              </th>
            ) : (
              <td key={index} />
            )
          )}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}

/** A value of the comparison; inputs come as lists of values. */
function shown(value: unknown): string {
  if (value === undefined || value === null) {
    return '–';
  }
  if (Array.isArray(value)) {
    return value.map(shown).join(', ');
  }
  if (typeof value === 'object') {
    return 'value' in value ? shown(value.value) : JSON.stringify(value);
  }
  return String(value);
}
