import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { IEditorServices } from '@jupyterlab/codeeditor';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import { FileDialog, IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker, NotebookActions } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ITools, ViewName } from '../contract';
import type { ITransport } from '../store/transport';
import { makeEditor } from './editor';
import { onFileDrop } from './drop';
import type { Keeping } from './keeping';
import { showMenu } from './menu';
import { preview } from './preview';

/** Parts of the application; a host without one of them does less. */
export interface IParts {
  app: JupyterFrontEnd;
  trans: TranslationBundle;
  transport: ITransport;
  keeping: Keeping;
  rendermime: IRenderMimeRegistry;
  editors: IEditorServices;
  documents: IDocumentManager;
  files: IDefaultFileBrowser | null;
  notebooks: INotebookTracker | null;
  open: (view: ViewName, selection: Record<string, unknown>) => void;
}

/** What JupyterLab can do for a view. */
export function makeTools(parts: IParts): ITools {
  const { app, trans, transport, documents, files } = parts;
  return {
    trans: (text, ...args) => trans.__(text, ...args.map(String)),
    transN: (singular, plural, count) => trans._n(singular, plural, count, String(count)),
    address: path => transport.address(path),
    labAddress,
    open: parts.open,
    confirm: async ({ title, body, accept, dangerous }) => {
      const yes = dangerous
        ? Dialog.warnButton({ label: accept })
        : Dialog.okButton({ label: accept });
      const buttons = [Dialog.cancelButton(), yes];
      return (await showDialog({ title, body, buttons })).button.accept;
    },
    menu: showMenu,
    editor: (el, options) => makeEditor(parts.editors, el, options),
    preview: (el, mime, data) => preview(parts.rendermime, el, mime, data),
    chooseFile: async title => {
      const chosen = await FileDialog.getOpenFiles({ manager: documents, title });
      return chosen.value?.[0]?.path ?? null;
    },
    readFile: async path => {
      const model = await app.serviceManager.contents.get(path, {
        content: true,
        format: 'base64',
        type: 'file'
      });
      const bytes = Uint8Array.from(atob(String(model.content)), each => each.charCodeAt(0));
      return new Blob([bytes], { type: model.mimetype });
    },
    openFile: path => void documents.openOrReveal(path),
    showFolder: path => void showFolder(app, files, path),
    insertCell: code => insertCell(parts.notebooks, code),
    copy: async text => {
      // Browsers have no clipboard of their own where the page came without encryption.
      const written = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error());
      await written.catch(() => Clipboard.copyToSystem(text));
    },
    keep: (execution, kept) => parts.keeping.want(execution, kept),
    notify: (message, kind) => void Notification.emit(message, kind, { autoClose: 5000 }),
    onFileDrop,
    setUnsaved: () => undefined
  };
}

/** Behind a hub, the hub knows whose server is meant. */
function labAddress(query: Record<string, string>): string {
  const hub = PageConfig.getOption('hubPrefix');
  const base = hub ? URLExt.join(hub, 'user-redirect') : PageConfig.getBaseUrl();
  const host = (hub && PageConfig.getOption('hubHost')) || window.location.origin;
  const lab = new URL(URLExt.join(base, 'lab'), host);
  return `${lab.href}?${new URLSearchParams(query).toString()}`;
}

async function showFolder(
  app: JupyterFrontEnd,
  files: IDefaultFileBrowser | null,
  path: string
): Promise<void> {
  if (files) {
    app.shell.activateById(files.id);
    await files.model.cd('/' + path);
  }
}

function insertCell(notebooks: INotebookTracker | null, code: string): boolean {
  const panel = notebooks?.currentWidget;
  if (!panel) {
    return false;
  }
  NotebookActions.insertBelow(panel.content);
  panel.content.activeCell?.model.sharedModel.setSource(code);
  return true;
}
