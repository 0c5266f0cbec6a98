import { IJupyterWidgetRegistry } from '@jupyter-widgets/base';
import {
  ILabShell,
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { addCommands, commandIds } from './commands';
import type { ViewName } from './contract';
import { Keeping } from './hosts/keeping';
import { makeTools } from './hosts/tools';
import { OPEN, openedBy, withoutOpened } from './lab/address';
import { addFileCommands } from './lab/files';
import { Notices } from './lab/notices';
import { followSettings } from './lab/settings';
import { addStatusItem } from './lab/status';
import { Panels } from './panels';
import { LiveStore } from './store/store';
import { ServerTransport } from './store/transport';
import { version } from '../package.json';

const MODULE = 'ccp-jupyter';

/** Wiring only: one store, the panel host, the widget host where ipywidgets is installed. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'ccp-jupyter:plugin',
  description: 'Methods and Executions in panels and in notebook cells.',
  autoStart: true,
  requires: [IRenderMimeRegistry, IEditorServices, IDocumentManager],
  optional: [
    ITranslator,
    ILabShell,
    ILayoutRestorer,
    ICommandPalette,
    ILauncher,
    IDefaultFileBrowser,
    INotebookTracker,
    IStatusBar,
    ISettingRegistry,
    IStateDB,
    IJupyterWidgetRegistry as any
  ],
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    editors: IEditorServices,
    documents: IDocumentManager,
    translator: ITranslator | null,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    files: IDefaultFileBrowser | null,
    notebooks: INotebookTracker | null,
    statusBar: IStatusBar | null,
    settings: ISettingRegistry | null,
    states: IStateDB | null,
    widgets: IJupyterWidgetRegistry | null
  ) => {
    const trans = (translator ?? nullTranslator).load('ccp_jupyter');
    const transport = new ServerTransport(app.serviceManager.serverSettings);
    const store = LiveStore.for(app.serviceManager, transport);
    const titles: Record<ViewName, string> = {
      methods: trans.__('Methods'),
      editor: trans.__('Method editor'),
      form: trans.__('Run'),
      monitor: trans.__('Executions'),
      execution: trans.__('Execution')
    };
    const panels = new Panels(app, store, trans, titles);
    // Notebook 7 has no place for panels beside a notebook: they open in a tab of JupyterLab.
    const open = (view: ViewName, selection: Record<string, unknown>) =>
      labShell
        ? void panels.open(view, selection)
        : void window.open(tools.labAddress({ [OPEN]: JSON.stringify({ view, selection }) }));
    const keeping = new Keeping(
      store,
      transport,
      `ccp-jupyter:keep:${app.serviceManager.serverSettings.baseUrl}`,
      ({ title }) => {
        const text = trans.__('"%1" could not be put into the workspace.', title);
        Notification.emit(text, 'error');
      }
    );
    const tools = makeTools({
      app,
      trans,
      transport,
      keeping,
      rendermime,
      editors,
      documents,
      files,
      notebooks,
      open
    });
    panels.tools = tools;
    addCommands(app, panels, trans, palette, launcher, open);
    if (labShell) {
      labShell.add(panels.side('methods', states), 'left', { rank: 500 });
      labShell.add(panels.side('monitor', states), 'right', { rank: 500 });
    }
    if (files) {
      addFileCommands(app, files, store, tools);
    }
    const showMonitor = () => open('monitor', {});
    const notices = new Notices(store, trans, {
      execution: id => open('execution', { execution_id: id }),
      all: showMonitor
    });
    if (settings) {
      void followSettings(settings, plugin.id, notices, keeping);
    }
    if (statusBar) {
      addStatusItem(statusBar, store, trans, showMonitor);
    }
    // Others may change the address before everything is in its place.
    const opened = openedBy(window.location.search);
    void app.restored.then(() => {
      // For the status bar and for notifications, which are there when no view is.
      store.begin();
      if (opened && labShell) {
        window.history.replaceState({}, '', withoutOpened(window.location.href));
        open(opened.view, opened.selection);
      }
    });
    if (restorer) {
      panels.restore(restorer, commandIds.open);
    }
    widgets?.registerWidget({
      name: MODULE,
      version,
      // Imported when the first widget is shown: keeps the widget code out of the start-up bundle.
      exports: async () => {
        const { widgetClasses } = await import('./hosts/widget');
        return widgetClasses(store, tools, MODULE, version) as any;
      }
    });
  }
};

export default plugin;
