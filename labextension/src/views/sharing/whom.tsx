import * as React from 'react';
import { Button, ProblemBox } from '../../parts';
import { request, useAction, useRead, useTools, useWorld } from '../../react';
import { Names } from './names';
import { Me, same, Sharing, sharingOf, Way, wayOf } from './sharing';

/** With whom something is shared, to be changed and saved. */
export function WithWhom({
  target,
  setChanged
}: {
  target: string;
  /** Told whether there are changes that are not saved. */
  setChanged: (changed: boolean) => void;
}): JSX.Element {
  const { trans } = useTools();
  const read = useRead<Sharing>(`${target}/sharing`);
  return (
    <section>
      <h3>{trans('With people here')}</h3>
      <ProblemBox problem={read.problem} again={read.again} />
      {read.value && <Chooser target={target} saved={read.value} setChanged={setChanged} />}
      {read.loading && !read.value && <p className="ccp-secondary">{trans('Loading…')}</p>}
    </section>
  );
}

function Chooser({
  target,
  saved,
  setChanged
}: {
  target: string;
  saved: Sharing;
  setChanged: (changed: boolean) => void;
}): JSX.Element {
  const tools = useTools();
  const { trans } = tools;
  const { model } = useWorld();
  const frame = React.useRef<HTMLDivElement>(null);
  const [last, setLast] = React.useState(saved);
  const [way, setWay] = React.useState(wayOf(saved));
  const [contexts, setContexts] = React.useState<string[]>(saved.contexts);
  const [users, setUsers] = React.useState<string[]>(saved.users);
  const me = useRead<Me>('me');
  const wanted = sharingOf(way, contexts, users);
  const changed = !same(wanted, last);
  const tell = React.useRef(setChanged);
  tell.current = setChanged;
  React.useEffect(() => tell.current(changed), [changed]);
  const save = useAction(async () => {
    setLast(await request<Sharing>(model, 'PUT', `${target}/sharing`, { body: wanted }));
    // The button is off now, and would lose the focus.
    frame.current?.querySelector<HTMLElement>('input:checked')?.focus();
    tools.notify(wayOf(wanted) === 'private' ? trans('Private again') : trans('Shared'), 'success');
  });
  return (
    <div ref={frame}>
      <Ways way={way} setWay={setWay} target={target} />
      {way === 'named' && (
        <div className="ccp-Sharing-names">
          <Names
            label={trans('Contexts')}
            hint={trans('Name of a group that you are in')}
            names={contexts}
            onChange={setContexts}
            known={me.value?.contexts ?? NONE}
          />
          <Names
            label={trans('People')}
            hint={trans('User name')}
            names={users}
            onChange={setUsers}
            known={[]}
          />
        </div>
      )}
      <ProblemBox problem={save.problem} />
      <div className="ccp-Sharing-save">
        <Button
          kind="accept"
          label={trans('Save')}
          disabled={!changed}
          busy={save.busy}
          onClick={save.run}
        />
        <span className="ccp-secondary" role="status">
          {changed ? trans('Not saved yet') : ''}
        </span>
      </div>
    </div>
  );
}

function Ways({
  way,
  setWay,
  target
}: {
  way: Way;
  setWay: (way: Way) => void;
  target: string;
}): JSX.Element {
  const { trans } = useTools();
  const group = React.useId();
  const ways: [Way, string][] = [
    ['private', trans('Only me')],
    ['named', trans('Contexts and people that I name')],
    ['public', trans('Everybody who may use this service')]
  ];
  return (
    <fieldset className="ccp-Sharing-ways">
      <legend>
        {target.startsWith('jobs/')
          ? trans('Who may look at it and fetch its outputs')
          : trans('Who may see and run it')}
      </legend>
      {ways.map(([each, label]) => (
        <label key={each}>
          <input type="radio" name={group} checked={way === each} onChange={() => setWay(each)} />
          {label}
        </label>
      ))}
    </fieldset>
  );
}

/** Contexts that Methods in sight name: nobody tells a user's own ones. */
const NONE: string[] = [];
