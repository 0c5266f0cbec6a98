import * as React from 'react';
import { Tabs } from '../../parts';
import { useTools } from '../../react';
import { ALWAYS_KNOWN } from './check';
import { Code } from './code';
import { script, ScriptName, SCRIPTS, withScript } from './model';
import { Section, useEditing } from './parts';

/** The scripts, one at a time. */
export function Scripts(): JSX.Element {
  const { trans } = useTools();
  const { draft, change, problems } = useEditing();
  const [name, setName] = React.useState<ScriptName>('execute-script');
  const names = scriptNames(trans);
  const own = problems.filter(p => p.script);
  const shown = own.filter(p => p.script === name);
  const tabs = SCRIPTS.map(each => {
    const wrong = own.filter(p => p.script === each).length;
    const lines = script(draft, each) ? ' •' : '';
    return { id: each, label: names[each][0] + lines, ...(wrong && { count: wrong }) };
  });
  const variables = [...draft.inputs.map(({ id }) => id).filter(Boolean), ...ALWAYS_KNOWN];
  return (
    <Section title={trans('Scripts')} problems={own.length}>
      <div className="ccp-EditorScripts ccp-mod-wide">
        <Tabs
          tabs={tabs}
          current={name}
          onChange={id => setName(id as ScriptName)}
          label={trans('Scripts')}
        >
          <p className="ccp-secondary">{names[name][1]}</p>
          <Code
            key={name}
            mime="text/x-sh"
            label={trans('%1 script', names[name][0])}
            text={script(draft, name)}
            variables={variables}
            marks={shown.map(({ line, rule }) => ({ line: line ?? 1, message: rule }))}
            onChange={code => change(old => withScript(old, name, code))}
          />
          {shown.length > 0 && (
            <ul className="ccp-EditorField-problem">
              {shown.map(({ line, rule, value }) => (
                <li key={`${line} ${rule} ${value}`}>
                  {trans('Line %1:', line ?? 1)} {rule} {value && <code>{value}</code>}
                </li>
              ))}
            </ul>
          )}
        </Tabs>
        <p className="ccp-secondary">
          {trans(
            'Type {{ for a list of the inputs. Values are quoted for the place where they stand.'
          )}
        </p>
      </div>
    </Section>
  );
}

function scriptNames(trans: (text: string) => string): Record<ScriptName, [string, string]> {
  return {
    'deploy-script': [
      trans('Deploy'),
      trans('Prepares: fetches code, installs what is missing. Does not count for the time limit.')
    ],
    'execute-script': [
      trans('Execute'),
      trans('Does the work, in /ccp_data. Files that it leaves there come back.')
    ],
    'undeploy-script': [
      trans('Undeploy'),
      trans('Kept for other platforms and not run here: the container is destroyed anyway.')
    ],
    'cancel-script': [
      trans('Cancel'),
      trans('Kept for other platforms and not run here: the container is destroyed anyway.')
    ]
  };
}
