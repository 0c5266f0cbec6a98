import { copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { components } from '../../generated/api';
import { Ago, Button, IconButton, ProblemBox } from '../../parts';
import { pathOf, request, useAction, useRead, useTools, useWorld } from '../../react';

type Link = components['schemas']['LinkInfo'];

const DAYS = [1, 7, 30, 90, 365] as const;
const DAY = 86_400;

/** Links to a copy of something: make, copy and take back. */
export function Links({ target }: { target: string }): JSX.Element {
  const { trans } = useTools();
  const [kind, id] = target.split('/');
  const read = useRead<{ shareLinks: Link[] }>('links', {
    query: { target: decodeURIComponent(id), limit: '100' }
  });
  const wanted = kind === 'jobs' ? 'execution' : 'method';
  const links = read.value?.shareLinks.filter(each => each.kind === wanted);
  return (
    <section>
      <h3>{trans('With a link')}</h3>
      <p className="ccp-secondary">
        {trans('Whoever has a link gets a copy, without a login. Treat it as a key.')}
      </p>
      <ProblemBox problem={read.problem} again={read.again} />
      {links && (
        <>
          <MakeLink target={target} made={read.again} />
          <ul className="ccp-Links" aria-label={trans('Links')}>
            {links.map(each => (
              <OneLink key={each.id} link={each} gone={read.again} />
            ))}
          </ul>
          {links.length === 0 && <p className="ccp-secondary">{trans('There is no link yet.')}</p>}
        </>
      )}
    </section>
  );
}

function MakeLink({ target, made }: { target: string; made: () => void }): JSX.Element {
  const tools = useTools();
  const { trans, transN } = tools;
  const { model } = useWorld();
  const [days, setDays] = React.useState(30);
  const [fixed, setFixed] = React.useState(false);
  const isMethod = target.startsWith('processes/');
  const make = useAction(async () => {
    const revision = isMethod && fixed ? await newestRevision() : 0;
    const body = { target, expiresIn: days * DAY, ...(revision && { revision }) };
    const link = await request<Link>(model, 'POST', 'links', { body });
    await tools.copy(link.url);
    tools.notify(trans('Link made and copied'), 'success');
    made();
  });
  const newestRevision = async () => {
    const query = { limit: '1' };
    const path = `${target}/revisions`;
    const { revisions } = await request<components['schemas']['RevisionList']>(model, 'GET', path, {
      query
    });
    return revisions[0].revision;
  };
  return (
    <>
      <div className="ccp-Links-make">
        <label>
          {trans('Works for')}{' '}
          <select
            className="jp-mod-styled"
            value={days}
            onChange={event => setDays(Number(event.target.value))}
          >
            {DAYS.map(each => (
              <option key={each} value={each}>
                {transN('%1 day', '%1 days', each)}
              </option>
            ))}
          </select>
        </label>
        {isMethod && (
          <label>
            {trans('Leads to')}{' '}
            <select
              className="jp-mod-styled"
              value={fixed ? 'fixed' : 'newest'}
              onChange={event => setFixed(event.target.value === 'fixed')}
            >
              <option value="newest">{trans('its newest revision')}</option>
              <option value="fixed">{trans('what it is now')}</option>
            </select>
          </label>
        )}
        <Button label={trans('Make a link')} busy={make.busy} onClick={make.run} />
      </div>
      <ProblemBox problem={make.problem} />
    </>
  );
}

function OneLink({ link, gone }: { link: Link; gone: () => void }): JSX.Element {
  const tools = useTools();
  const { trans, transN } = tools;
  const { model } = useWorld();
  const [asked, setAsked] = React.useState(false);
  const revoke = useAction(async () => {
    await request(model, 'DELETE', pathOf('links', link.id));
    gone();
  });
  const copy = async () => {
    await tools.copy(link.url);
    tools.notify(trans('Link copied'), 'info');
  };
  return (
    <li>
      <div className="ccp-Links-url">
        <input
          className="jp-mod-styled"
          readOnly
          value={link.url}
          aria-label={trans('Address of the link')}
          onFocus={event => event.target.select()}
        />
        <IconButton icon={copyIcon} label={trans('Copy the link')} onClick={() => void copy()} />
        {/* Asked in place: JupyterLab's own question would lie below this dialog. */}
        <Button
          kind={asked ? 'warn' : 'plain'}
          label={asked ? trans('Revoke it now') : trans('Revoke')}
          hint={trans('It works no more for anybody')}
          busy={revoke.busy}
          onClick={() => (asked ? revoke.run() : setAsked(true))}
        />
      </div>
      <div className="ccp-secondary">
        {trans('made')} <Ago at={link.created} />, {trans('works until')}{' '}
        {new Date(link.expires).toLocaleDateString()}, {transN('%1 use', '%1 uses', link.uses)}
        {link.revision > 0 && <>, {trans('revision %1', link.revision)}</>}
      </div>
      <ProblemBox problem={revoke.problem} />
    </li>
  );
}
