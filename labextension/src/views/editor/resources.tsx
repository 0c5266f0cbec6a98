import * as React from 'react';
import { useTools } from '../../react';
import { typedOf } from './kinds';
import { resources, withResources } from './model';
import { Section, TextField, useEditing } from './parts';

/** What the Method needs of a machine: its execution unit. */
export function Resources(): JSX.Element {
  const { trans } = useTools();
  const { draft, change, problems } = useEditing();
  const config = resources(draft);
  const own = problems.filter(p => p.at.startsWith('executionUnit'));
  const rules = (member: string) =>
    own.filter(p => p.at.startsWith(`executionUnit.config.${member}`)).map(p => p.rule);
  const set = (member: string, value: unknown) =>
    change(old => withResources(old, { ...resources(old), [member]: value }));
  const members: [string, string][] = [
    ['cpuMin', trans('Cores, at least')],
    ['cpuMax', trans('Cores, at most')],
    ['memoryMin', trans('Memory in GB, at least')],
    ['memoryMax', trans('Memory in GB, at most')],
    ['storageTempMin', trans('Scratch space, GB')],
    ['storageOutputsMin', trans('Space for outputs, GB')],
    ['jobTimeout', trans('Time limit, seconds')],
    ['pids', trans('Processes and threads')]
  ];
  return (
    <Section
      title={trans('Resources')}
      count={Object.keys(config).length || undefined}
      problems={own.length}
      closed={!own.length}
    >
      <p className="ccp-secondary ccp-mod-wide">
        {trans('Left empty, a run gets what the Infrastructure usually gives.')}
      </p>
      {members.map(([member, label]) => (
        <TextField
          key={member}
          label={label}
          number={{ min: 0, step: 'any' }}
          value={typedOf(config[member])}
          problems={rules(member)}
          onChange={text => set(member, text === '' ? undefined : Number(text))}
        />
      ))}
      <TextField
        label={trans('GPUs')}
        help={trans('A number, or a JSON list with an object for each: [{"vram": 8192}].')}
        value={typedOf(config.gpus)}
        problems={rules('gpus')}
        onChange={text => set('gpus', text === '' ? undefined : jsonOr(text))}
      />
    </Section>
  );
}

/** What was typed as JSON; text that is none stays text, for the service to refuse. */
function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
