/** What the file browser offers for files: run them, use them as inputs, find where they came from. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { InputDialog } from '@jupyterlab/apputils';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { ITools } from '../contract';
import type { IExecution, IMethodSummary } from '../data';
import { ccpIcon } from '../icons';
import { pathOf } from '../ask';
import { fromFile } from '../views/editor/fromFile';
import { toDocument } from '../views/editor/document';
import { fieldsOf, type IField } from '../views/form/model';
import type { LiveStore } from '../store/store';
import { executionPrefix, hasPrefix, runnable } from './paths';

export const fileCommands = {
  run: 'ccp:run-file',
  use: 'ccp:use-as-input',
  origin: 'ccp:show-origin'
} as const;

interface IDescribed {
  inputs?: Record<string, unknown>;
}

interface IChosen {
  path: string;
  isFolder: boolean;
}

/** The commands; where they stand in the context menu is in the settings schema. */
export function addFileCommands(
  app: JupyterFrontEnd,
  files: IDefaultFileBrowser,
  store: LiveStore,
  tools: ITools
): void {
  const { trans } = tools;
  const actions = new FileActions(store, tools);
  const { contents } = app.serviceManager;
  const chosen = (): IChosen[] =>
    [...files.selectedItems()].map(({ path, type }) => ({
      path: contents.localPath(path),
      isFolder: type === 'directory'
    }));
  const one = () => (chosen().length === 1 ? chosen()[0] : null);
  const told = (work: Promise<void>) =>
    work.catch((error: unknown) =>
      tools.notify(error instanceof Error ? error.message : String(error), 'error')
    );
  app.commands.addCommand(fileCommands.run, {
    label: trans('Run on CCP…'),
    icon: ccpIcon,
    isVisible: () => !one()?.isFolder && !!runnable(one()?.path ?? ''),
    execute: () => told(actions.run(one()!.path))
  });
  app.commands.addCommand(fileCommands.use, {
    label: trans('Use as input…'),
    icon: ccpIcon,
    isVisible: () => chosen().length > 0 && chosen().every(each => !each.isFolder),
    execute: () => told(actions.use(chosen().map(each => each.path)))
  });
  app.commands.addCommand(fileCommands.origin, {
    label: trans('Show the Execution this came from'),
    icon: ccpIcon,
    isVisible: () => !!executionPrefix(one()?.path ?? ''),
    execute: () => told(actions.origin(one()!.path))
  });
}

class FileActions {
  constructor(
    private _store: LiveStore,
    private _tools: ITools
  ) {}

  /** Open what a file describes: an Experiment, a Method, or code that becomes one. */
  async run(path: string): Promise<void> {
    const { trans } = this._tools;
    const content = await (await this._tools.readFile(path)).text();
    const title = path.split('/').pop() ?? path;
    if (runnable(path) === 'red') {
      return this._tools.open('form', { red: content, title });
    }
    const { draft, notes } = fromFile(path, content, trans);
    const document = toDocument(draft);
    if (runnable(path) === 'method' && (await this._isKnown(String(document.id)))) {
      return this._tools.open('form', { method: document.id });
    }
    this._tools.open('editor', { document, title: draft.title });
    notes.forEach(note => this._tools.notify(note, 'info'));
  }

  /** Open the form of a Method with these files in one of its inputs. */
  async use(paths: readonly string[]): Promise<void> {
    const { trans } = this._tools;
    const method = await this._chooseMethod();
    if (!method) {
      return;
    }
    const { inputs: declared } = (await this._ask(pathOf('processes', method.id))) as IDescribed;
    const fields = fieldsOf(declared ?? {}).filter(each => each.control === 'file');
    if (!fields.length) {
      return this._tools.notify(trans('"%1" takes no files.', method.title ?? ''), 'warning');
    }
    const field = fields.length === 1 ? fields[0] : await this._chooseField(fields);
    if (field) {
      const values = paths.map(path => ({ $file: path }));
      const inputs = { [field.id]: field.many ? values : values[0] };
      this._tools.open('form', { method: method.id, title: method.title, inputs });
    }
  }

  /** Show the Execution whose outputs lie here. */
  async origin(path: string): Promise<void> {
    this._store.begin();
    await this._store.ready;
    const prefix = executionPrefix(path) ?? '';
    const { items } = this._store.get('executions') as { items: readonly IExecution[] };
    const found = items.find(each => hasPrefix(each.jobID, prefix));
    if (!found) {
      const text = this._tools.trans('The Execution that this came from was deleted.');
      return this._tools.notify(text, 'warning');
    }
    this._tools.open('execution', { execution_id: found.jobID, title: found.title });
  }

  private async _isKnown(id: string): Promise<boolean> {
    return (await this._methods()).some(each => each.id === id);
  }

  private async _methods(): Promise<readonly IMethodSummary[]> {
    this._store.begin();
    await this._store.ready;
    return (this._store.get('methods') as { items: readonly IMethodSummary[] }).items;
  }

  private async _chooseMethod(): Promise<IMethodSummary | null> {
    const { trans } = this._tools;
    const methods = await this._methods();
    const names = methods.map(each => `${each.title ?? each.id} ${each.version}`);
    const items = names.map((name, n) =>
      names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} (${methods[n].id})`
    );
    if (!items.length) {
      this._tools.notify(trans('There are no Methods yet.'), 'info');
      return null;
    }
    const title = trans('Use as input of which Method?');
    const { value, button } = await InputDialog.getItem({ title, items });
    return button.accept && value ? methods[items.indexOf(value)] : null;
  }

  private async _chooseField(fields: readonly IField[]): Promise<IField | null> {
    const items = fields.map(each => each.title);
    const title = this._tools.trans('For which input?');
    const { value, button } = await InputDialog.getItem({ title, items });
    return button.accept && value ? fields[items.indexOf(value)] : null;
  }

  private async _ask(path: string): Promise<unknown> {
    return this._store.transport.send({ verb: 'GET', path }, 'service');
  }
}
