/** Code that runs it again, in several languages: to copy, or to put into a notebook. */

import * as React from 'react';
import type { IProblem } from '../../contract';
import { Button, Modal, ProblemBox, Tabs } from '../../parts';
import { pathOf, useTools, useWorld } from '../../react';
import { problemIn, request } from '../../react';
import { CodeEditor } from '../form/editor';

/** A request that was filled in, or an Execution. */
export type CodeSource = { method: string; body: object } | { execution: string };

const LANGUAGES = [
  { id: 'python', label: 'Python', mime: 'text/x-python' },
  { id: 'r', label: 'R', mime: 'text/x-rsrc' },
  { id: 'julia', label: 'Julia', mime: 'text/x-julia' },
  { id: 'bash', label: 'Bash', mime: 'text/x-sh' },
  { id: 'notebook', label: 'Notebook', mime: 'application/json' }
];

interface ICode {
  language: string;
  text?: string;
  problem?: IProblem;
}

export function CodeDialog({
  source,
  title,
  onClose
}: {
  source: CodeSource;
  title: string;
  onClose: () => void;
}): JSX.Element {
  const { trans, copy, notify, insertCell } = useTools();
  const [language, setLanguage] = React.useState('python');
  const [number, setNumber] = React.useState(0);
  const code = useCode(source, language, number);
  const { mime } = LANGUAGES.find(each => each.id === language)!;
  const text = code.text ?? '';
  const insert = () => {
    if (insertCell(text)) {
      onClose();
    } else {
      notify(trans('No notebook is open to put it into.'), 'warning');
    }
  };
  const footer = (
    <>
      {language === 'notebook' ? (
        <Button label={trans('Download')} disabled={!text} onClick={() => save(text)} />
      ) : (
        language === 'python' && (
          <Button label={trans('Insert cell')} disabled={!text} onClick={insert} />
        )
      )}
      <Button
        kind="accept"
        label={trans('Copy')}
        disabled={!text}
        onClick={() =>
          void copy(text).then(() => notify(trans('The code is in the clipboard.'), 'info'))
        }
      />
    </>
  );
  return (
    <Modal title={trans('Code: %1', title)} onClose={onClose} footer={footer}>
      <div className="ccp-Code">
        <Tabs
          tabs={LANGUAGES}
          current={language}
          onChange={setLanguage}
          label={trans('Language of the code')}
        >
          <ProblemBox
            problem={code.problem && explained(code.problem, trans)}
            again={() => setNumber(each => each + 1)}
          />
          {text && <CodeEditor key={language} text={text} mime={mime} label={title} readOnly />}
          {!text && !code.problem && <p className="ccp-secondary">{trans('Writing the code…')}</p>}
        </Tabs>
        <p className="ccp-secondary">
          {trans(
            'Secrets are asked for when it runs. Files that are not text are read from the folder that it runs in.'
          )}
        </p>
      </div>
    </Modal>
  );
}

function useCode(source: CodeSource, language: string, number: number): ICode {
  const { model } = useWorld();
  const [code, setCode] = React.useState<ICode>({ language });
  const asked = JSON.stringify(source);
  React.useEffect(() => {
    let current = true;
    const { verb, path, body } = callOf(JSON.parse(asked) as CodeSource);
    setCode({ language });
    const headers = { Accept: '*/*' };
    request<unknown>(model, verb, path, { query: { language }, body, headers }).then(
      found => current && setCode({ language, text: textOf(found) }),
      (error: unknown) => current && setCode({ language, problem: problemIn(error) })
    );
    return () => {
      current = false;
    };
  }, [model, asked, language, number]);
  return code.language === language ? code : { language };
}

function callOf(source: CodeSource): { verb: 'GET' | 'POST'; path: string; body?: object } {
  if ('execution' in source) {
    return { verb: 'GET', path: pathOf('jobs', source.execution, 'code') };
  }
  return { verb: 'POST', path: pathOf('processes', source.method, 'code'), body: source.body };
}

/** Notebooks come as JSON, and are decoded on the way. */
function textOf(found: unknown): string {
  return typeof found === 'string' ? found : JSON.stringify(found, null, 1);
}

function explained(problem: IProblem, trans: (text: string) => string): IProblem {
  if (problem.status !== 404) {
    return problem;
  }
  return {
    ...problem,
    title: trans('This service writes no code yet'),
    detail: trans('Its administrator can update it; until then, a direct link keeps the request.')
  };
}

function save(text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/x-ipynb+json' }));
  link.download = 'execution.ipynb';
  link.click();
  URL.revokeObjectURL(link.href);
}
