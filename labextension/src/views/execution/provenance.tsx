import * as React from 'react';
import { ProblemBox } from '../../parts';
import { pathOf, useRead, useTools } from '../../react';
import { Plain } from './preview';

const FORMS: readonly [string, string][] = [
  ['json', 'PROV-JSON'],
  ['xml', 'PROV-XML'],
  ['provn', 'PROV-N'],
  ['ttl', 'Turtle'],
  ['jsonld', 'JSON-LD'],
  ['nt', 'N-Triples']
];

/** Provenance in all its forms, as files to download. */
export function ProvenanceLinks({ id }: { id: string }): JSX.Element {
  const { trans, address } = useTools();
  return (
    <div className="ccp-Provenance">
      <span className="ccp-secondary">{trans('Provenance:')}</span>
      {FORMS.map(([form, name]) => (
        <a
          key={form}
          className="ccp-Link"
          href={address(pathOf('jobs', id, 'prov')) + `?f=${form}`}
          download={`prov-${id}.${form}`}
        >
          {name}
        </a>
      ))}
      <a className="ccp-Link" href={address(pathOf('jobs', id, 'rocrate'))} download="">
        RO-Crate
      </a>
    </div>
  );
}

/** What was done with what, by whom, in the form that people can read. */
export function ProvenanceView({ id }: { id: string }): JSX.Element {
  const { trans } = useTools();
  const { value, problem, again } = useRead<string>(pathOf('jobs', id, 'prov'), {
    query: { f: 'provn' },
    headers: { Accept: '*/*' }
  });
  return (
    <>
      <ProvenanceLinks id={id} />
      <ProblemBox problem={problem} again={again} />
      {value === undefined ? (
        !problem && <p className="ccp-Loading ccp-secondary">{trans('Reading…')}</p>
      ) : (
        <Plain text={value} />
      )}
    </>
  );
}
