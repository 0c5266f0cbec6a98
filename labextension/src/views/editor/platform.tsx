import * as React from 'react';
import { request, pathOf, useData, useTools, useWorld } from '../../react';
import { edit, add, IDraft, infrastructures, newField, withInfrastructures } from './model';
import { AreaField, ChoiceField, Problems, Section, TextField, useEditing } from './parts';
import { withSchema } from './kinds';

/** Where the Method runs: Infrastructures, the preferred one first, and the container image. */
export function Platform(): JSX.Element {
  const { trans } = useTools();
  const { draft, problems } = useEditing();
  const image = draft.inputs.find(({ id }) => id === 'ccpimage');
  const ours = problems.filter(
    p =>
      p.at === 'links' ||
      (p.list === 'inputs' && (p.key ? p.key === image?.key : p.at === 'ccpimage'))
  );
  return (
    <Section title={trans('Where it runs')} problems={ours.length}>
      <Infrastructures />
      <Runtime />
    </Section>
  );
}

function Infrastructures(): JSX.Element {
  const { trans } = useTools();
  const { draft, change, problems } = useEditing();
  const { items, state } = useData('infrastructures');
  const label = React.useId();
  const chosen = infrastructures(draft);
  const unknown = chosen.filter(id => !items.some(each => each.id === id));
  const toggle = (id: string, on: boolean) =>
    change(old => {
      const ids = infrastructures(old).filter(each => each !== id);
      const wanted = (on ? [...ids, id] : ids).map(each => ({
        id: each,
        name: items.find(item => item.id === each)?.name
      }));
      return withInfrastructures(old, wanted);
    });
  const row = (id: string, name: string, remark: string) => (
    <label key={id} className="ccp-EditorCheck">
      <input
        type="checkbox"
        checked={chosen.includes(id)}
        onChange={event => toggle(id, event.target.checked)}
      />
      <span>
        {name} {remark && <span className="ccp-secondary">{remark}</span>}
      </span>
    </label>
  );
  return (
    <div className="ccp-EditorField ccp-mod-wide" role="group" aria-labelledby={label}>
      <span id={label} className="ccp-EditorField-label">
        {trans('Infrastructures')}
      </span>
      {items.map(({ id, name, type, available }) => {
        const first = chosen.length > 1 && chosen[0] === id ? trans('used first') : '';
        const off = available ? '' : trans('not available now');
        return row(id, name, [type, off, first].filter(Boolean).join(', '));
      })}
      {state === 'ready' && unknown.map(id => row(id, id, trans('not known here')))}
      {state === 'ready' && !items.length && (
        <p className="ccp-secondary">{trans('The service has no Infrastructure yet.')}</p>
      )}
      <Problems problems={problems.filter(p => p.at === 'links').map(p => p.rule)} />
    </div>
  );
}

type Mode = 'fixed' | 'free' | 'choice';

function Runtime(): JSX.Element {
  const { trans } = useTools();
  const { draft, change, problems } = useEditing();
  const images = useRuntimes(draft);
  const field = draft.inputs.find(({ id }) => id === 'ccpimage');
  if (!field) {
    const rules = problems.filter(p => p.list === 'inputs' && !p.key).map(p => p.rule);
    return (
      <div className="ccp-EditorField ccp-mod-wide">
        <Problems problems={rules} />
        <button type="button" className="jp-mod-styled" onClick={() => change(withRuntime)}>
          {trans('Add the Runtime')}
        </button>
      </div>
    );
  }
  const { schema, key } = field;
  const rules = problems.filter(p => p.key === key).map(p => p.rule);
  const mode: Mode = schema.readOnly ? 'fixed' : Array.isArray(schema.enum) ? 'choice' : 'free';
  const set = (members: Record<string, unknown>) =>
    change(old => edit(old, 'inputs', key, withSchema(field, members)));
  const setMode = (next: string) =>
    set({
      readOnly: next === 'fixed' ? true : undefined,
      enum: next === 'choice' ? [schema.default ?? ''].filter(Boolean) : undefined
    });
  return (
    <>
      <TextField
        label={trans('Runtime')}
        wide
        code
        help={trans('A container image with what the scripts need.')}
        placeholder="docker.io/library/debian:12-slim"
        offers={images}
        value={String(schema.default ?? '')}
        problems={rules}
        onChange={value => set({ default: value })}
      />
      <ChoiceField
        label={trans('Who chooses the Runtime')}
        wide
        value={mode}
        onChange={setMode}
        choices={[
          ['fixed', trans('Nobody: always this one')],
          ['free', trans('Whoever runs it; this one to begin with')],
          ['choice', trans('Whoever runs it, from a list')]
        ]}
      />
      {mode === 'choice' && (
        <AreaField
          label={trans('Runtimes to choose from, one on each line')}
          code
          value={(schema.enum as unknown[]).join('\n')}
          onChange={text => set({ enum: text.split('\n') })}
        />
      )}
    </>
  );
}

function withRuntime(draft: IDraft): IDraft {
  return add(draft, 'inputs', newField('ccpimage', { title: 'Runtime' }));
}

/** Images that the chosen Infrastructures can run, or all can when none is chosen. */
function useRuntimes(draft: IDraft): string[] {
  const { model } = useWorld();
  const { items } = useData('infrastructures');
  const [images, setImages] = React.useState<string[]>([]);
  const known = items.map(({ id }) => id);
  const chosen = infrastructures(draft).filter(id => known.includes(id));
  const wanted = JSON.stringify(chosen.length ? chosen : known);
  React.useEffect(() => {
    let current = true;
    const read = (id: string) =>
      request<{ runtimes: { reference: string }[] }>(
        model,
        'GET',
        pathOf('infrastructures', id, 'runtimes')
      ).then(
        ({ runtimes }) => runtimes.map(each => each.reference),
        // Any image may be typed: offers are a help, and missing ones no failure.
        () => []
      );
    void Promise.all((JSON.parse(wanted) as string[]).map(read)).then(found => {
      if (current) {
        setImages([...new Set(found.flat())].sort());
      }
    });
    return () => {
      current = false;
    };
  }, [model, wanted]);
  return images;
}
