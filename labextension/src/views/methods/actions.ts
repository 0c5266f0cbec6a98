import {
  deleteIcon,
  downloadIcon,
  duplicateIcon,
  editIcon,
  LabIcon,
  runIcon,
  saveIcon,
  shareIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IMethodSummary } from '../../data';
import type { IProblem, ITools } from '../../contract';
import { ask, pathOf, problemIn, request, useTools, useWorld } from '../../react';
import { download } from '../../parts';
import { ActionName, IEntry, offered } from './catalogue';

/** Something that can be done with one Method. */
export interface IAction {
  name: ActionName;
  icon: LabIcon;
  label: string;
  run: () => void;
}

export interface IActions {
  /** What can be done with it, in the order of the buttons. */
  of: (entry: IEntry) => IAction[];
  /** Open the form, or say why not. */
  open: (entry: IEntry) => void;
  /** What went wrong last. */
  problem?: IProblem;
  clear: () => void;
}

/** What can be done with Methods, and what went wrong with it. */
export function useActions(share: (entry: IEntry) => void): IActions {
  const tools = useTools();
  const { model } = useWorld();
  const [problem, setProblem] = React.useState<IProblem>();
  return React.useMemo(() => {
    const { trans } = tools;
    const attempt = (work: Promise<unknown>) => {
      setProblem(undefined);
      work.catch((error: unknown) => setProblem(problemIn(error)));
    };
    const open = (entry: IEntry) => {
      if (entry.runnable) {
        tools.open('form', { method: entry.id, title: entry.title });
      } else {
        tools.notify(cannotRun(tools, entry), 'warning');
      }
    };
    const edit = (id: string, title: string) => tools.open('editor', { method: id, title });
    const clone = async ({ id }: IEntry) => {
      const path = `${pathOf('processes', id)}/clone`;
      const made = await request<IMethodSummary>(model, 'POST', path, { body: {} });
      edit(made.id, made.title || made.id);
    };
    const archive = async (entry: IEntry) => {
      const body = { process: entry.id };
      const done = await ask<{ path: string; written: boolean }>(model, {
        ...{ command: 'server', verb: 'POST', path: 'archive', body }
      });
      const text = done.written
        ? trans('Archived in your workspace as %1', done.path)
        : trans('It lies in your workspace already, as %1', done.path);
      tools.notify(text, 'success');
    };
    const remove = async (entry: IEntry) => {
      const yes = await tools.confirm({
        title: trans('Delete Method?'),
        body: trans(
          '"%1" and its older revisions will be deleted for everybody. Executions of it stay.',
          entry.title
        ),
        accept: trans('Delete'),
        dangerous: true
      });
      if (yes) {
        await request(model, 'DELETE', pathOf('processes', entry.id));
        tools.notify(trans('"%1" was deleted', entry.title), 'success');
      }
    };
    const all: [ActionName, LabIcon, string, (entry: IEntry) => void][] = [
      ['run', runIcon, trans('Run…'), open],
      ['edit', editIcon, trans('Edit'), each => edit(each.id, each.title)],
      ['clone', duplicateIcon, trans('Clone'), each => attempt(clone(each))],
      [
        'download',
        downloadIcon,
        trans('Download'),
        each => download(tools.address(`${pathOf('processes', each.id)}/export`))
      ],
      ['archive', saveIcon, trans('Archive to workspace'), each => attempt(archive(each))],
      ['share', shareIcon, trans('Share…'), share],
      ['delete', deleteIcon, trans('Delete'), each => attempt(remove(each))]
    ];
    return {
      problem,
      clear: () => setProblem(undefined),
      open,
      of: entry =>
        all
          .filter(([name]) => offered(entry, name))
          .map(([name, icon, label, run]) => ({ name, icon, label, run: () => run(entry) }))
    };
  }, [tools, model, problem, share]);
}

function cannotRun({ trans }: ITools, entry: IEntry): string {
  const names = entry.compatible.map(each => each.title).join(', ');
  return trans('"%1" cannot run now: not available is %2', entry.title, names);
}
