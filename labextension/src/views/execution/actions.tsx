import {
  codeIcon,
  copyIcon,
  deleteIcon,
  downloadIcon,
  editIcon,
  folderIcon,
  LabIcon,
  linkIcon,
  redoIcon,
  saveIcon,
  shareIcon,
  stopIcon,
  checkIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IModel, IProblem, ITools } from '../../contract';
import type { IExecution, IStatus } from '../../data';
import { ask, pathOf, request, useAction, useWorld } from '../../react';
import { factsOf, isFinal, shortId } from './facts';
import { startFetch } from './fetching';

export interface IAction {
  id: string;
  label: string;
  icon: LabIcon;
  /** What it does, in more words. */
  hint?: string;
  run?: () => void;
  /** Instead of `run`: what a browser downloads. */
  href?: string;
  kind?: 'accept' | 'warn';
}

/** Dialogs that belong to an Execution. */
export type Dialog = 'code' | 'share';

export interface IActions {
  list: readonly IAction[];
  busy: boolean;
  problem?: IProblem;
  clear: () => void;
  dialog: Dialog | null;
  close: () => void;
}

interface IWork {
  model: IModel;
  tools: ITools;
  execution: IExecution;
  do: (work: () => Promise<unknown>) => void;
  open: (dialog: Dialog) => void;
}

/** Everything that can be done with an Execution as it stands now; others' can only be read. */
export function useExecutionActions(execution: IExecution, mine = true): IActions {
  const { model, tools } = useWorld();
  const { run, busy, problem, clear } = useAction((work: () => Promise<unknown>) => work());
  const [dialog, setDialog] = React.useState<Dialog | null>(null);
  const work: IWork = { model, tools, execution, do: run, open: setDialog };
  const list = [
    ...(mine ? stopping(work) : []),
    ...outputs(work),
    ...again(work, mine),
    ...telling(work, mine),
    ...(mine ? removing(work) : [])
  ];
  return { list, busy, problem, clear, dialog, close: () => setDialog(null) };
}

/** End it, keeping what there is; goes to the service, so a busy kernel does not matter. */
export function cancelExecution(model: IModel, id: string): Promise<IStatus> {
  return request(model, 'DELETE', pathOf('jobs', id), { query: { finished: 'keep' } });
}

export function deleteExecution(model: IModel, id: string): Promise<IStatus> {
  return request(model, 'DELETE', pathOf('jobs', id));
}

function stopping({ model, tools: { trans }, execution, do: run }: IWork): IAction[] {
  if (isFinal(execution.status)) {
    return [];
  }
  return [
    {
      id: 'cancel',
      label: trans('Cancel'),
      icon: stopIcon,
      hint: trans('Stop it; what it has said so far is kept'),
      kind: 'warn',
      run: () => run(() => cancelExecution(model, execution.jobID))
    }
  ];
}

function outputs({ model, tools, execution, do: run }: IWork): IAction[] {
  const { trans, address } = tools;
  const id = execution.jobID;
  const found: IAction[] = [];
  if (factsOf(execution).outputSize !== null) {
    found.push(
      {
        id: 'fetch',
        label: trans('Fetch to workspace'),
        icon: folderIcon,
        hint: trans('Put the output files into CCP/executions of the workspace'),
        kind: 'accept',
        run: () => run(() => startFetch(model, id))
      },
      {
        id: 'download',
        label: trans('Download outputs'),
        icon: downloadIcon,
        hint: trans('All output files as a zip'),
        href: address(pathOf('jobs', id, 'outputs', 'output.zip'))
      }
    );
  }
  if (isFinal(execution.status)) {
    found.push(
      {
        id: 'folder',
        label: trans('Download everything'),
        icon: downloadIcon,
        hint: trans('Request, Method, inputs, outputs, log and provenance as a zip'),
        href: address(pathOf('jobs', id, 'folder'))
      },
      {
        id: 'archive',
        label: trans('Archive'),
        icon: saveIcon,
        hint: trans('Keep everything as a zip in CCP/executions of the workspace'),
        run: () => run(() => archive(model, tools, id))
      }
    );
  }
  return found;
}

async function archive(model: IModel, tools: ITools, id: string): Promise<void> {
  const { path, written } = await ask<{ path: string; written: boolean }>(model, {
    command: 'server',
    verb: 'POST',
    path: 'archive',
    body: { job: id }
  });
  const said = written ? tools.trans('Archived: %1', path) : tools.trans('Lies there: %1', path);
  tools.notify(said, 'success');
}

function again({ model, tools, execution, do: run }: IWork, mine: boolean): IAction[] {
  const { trans } = tools;
  const { jobID: id, processID: method, title, status, kind } = execution;
  if (kind === 'experiment' || !method) {
    return [];
  }
  const begin = async (what: 'repeat' | 'verify') => {
    const more = what === 'repeat' ? { body: {} } : {};
    const made = await request<IStatus>(model, 'POST', pathOf('jobs', id, what), more);
    tools.open('execution', { execution_id: made.jobID, title: made.title });
  };
  const found: IAction[] = [
    {
      id: 'repeat',
      label: trans('Run again'),
      icon: redoIcon,
      hint: trans('With the same inputs, and the Method as it was then'),
      run: () => run(() => begin('repeat'))
    },
    {
      id: 'change',
      label: trans('Run with changes…'),
      icon: editIcon,
      hint: trans('Open the form, filled in as it was'),
      run: () => tools.open('form', { method, from: id, title })
    }
  ];
  if (status === 'successful' && mine) {
    found.push({
      id: 'verify',
      label: trans('Verify'),
      icon: checkIcon,
      hint: trans('Run it again, and see whether the same comes out'),
      run: () => run(() => begin('verify'))
    });
  }
  return found;
}

function telling({ tools, execution, open, do: run }: IWork, mine: boolean): IAction[] {
  const { trans } = tools;
  const form = execution.links.find(each => each.rel === 'edit-form')?.href;
  const found: IAction[] = [
    {
      id: 'compare',
      label: trans('Compare…'),
      icon: copyIcon,
      hint: trans('See what is different from another Execution'),
      run: () =>
        tools.open('execution', {
          execution_id: execution.jobID,
          title: execution.title,
          tab: 'compare'
        })
    }
  ];
  if (execution.kind === 'method') {
    found.push({
      id: 'code',
      label: trans('Code…'),
      icon: codeIcon,
      hint: trans('A program that does the same'),
      run: () => open('code')
    });
  }
  if (mine) {
    found.push({ id: 'share', label: trans('Share…'), icon: shareIcon, run: () => open('share') });
  }
  if (form) {
    found.push({
      id: 'link',
      label: trans('Copy link to form'),
      icon: linkIcon,
      hint: trans('Whoever opens it finds the form filled in with the same inputs'),
      run: () =>
        run(async () => {
          await tools.copy(form);
          tools.notify(trans('The link is in the clipboard'), 'success');
        })
    });
  }
  return found;
}

function removing({ model, tools, execution, do: run }: IWork): IAction[] {
  const { trans } = tools;
  const { jobID: id, title, status } = execution;
  if (!isFinal(status)) {
    return [];
  }
  const question = {
    title: trans('Delete this Execution?'),
    body: trans(
      '"%1" (%2) with its outputs and its log. What you fetched or archived stays.',
      title,
      shortId(id)
    ),
    accept: trans('Delete'),
    dangerous: true
  };
  return [
    {
      id: 'delete',
      label: trans('Delete'),
      icon: deleteIcon,
      run: () =>
        run(async () => {
          if (await tools.confirm(question)) {
            await deleteExecution(model, id);
          }
        })
    }
  ];
}
