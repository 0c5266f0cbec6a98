/** The main-area and sidebar panels: opening, restoring, asking before something is lost. */

import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, MainAreaWidget, showDialog, WidgetTracker } from '@jupyterlab/apputils';
import type { IStateDB } from '@jupyterlab/statedb';
import type { TranslationBundle } from '@jupyterlab/translation';
import { UUID } from '@lumino/coreutils';
import type { Message } from '@lumino/messaging';
import type { ITools, ViewName } from './contract';
import { LocalState } from './hosts/local';
import { ViewPanel } from './hosts/panel';
import { ccpIcon } from './icons';
import type { LiveStore } from './store/store';
import { views } from './views';

type Content = MainAreaWidget<ViewPanel>;

/** A main-area widget that asks before unsaved changes are lost. */
class GuardedPanel extends MainAreaWidget<ViewPanel> {
  constructor(
    content: ViewPanel,
    private _trans: TranslationBundle
  ) {
    super({ content });
  }

  protected override onCloseRequest(message: Message): void {
    if (!this.content.unsaved) {
      return super.onCloseRequest(message);
    }
    void showDialog({
      title: this._trans.__('Close without saving?'),
      body: this._trans.__('"%1" has changes that were not saved.', this.title.label),
      buttons: [
        Dialog.cancelButton(),
        Dialog.warnButton({ label: this._trans.__('Close without saving') })
      ]
    }).then(({ button }) => {
      if (button.accept) {
        this.dispose();
      }
    });
  }
}

/** Opens views in the main area, and finds them again. */
export class Panels {
  private _trackers = new Map<ViewName, WidgetTracker<Content>>();
  private _selections = new WeakMap<Content, Record<string, unknown>>();
  /** Set once the tools exist, which open panels themselves. */
  tools!: ITools;

  constructor(
    private _app: JupyterFrontEnd,
    private _store: LiveStore,
    private _trans: TranslationBundle,
    private _titles: Record<ViewName, string>
  ) {
    for (const view of Object.keys(views) as ViewName[]) {
      this._trackers.set(view, new WidgetTracker({ namespace: `ccp-${view}` }));
    }
  }

  /** Bring back what was open before the page was loaded again. */
  restore(restorer: ILayoutRestorer, command: string): void {
    for (const [view, tracker] of this._trackers) {
      void restorer.restore(tracker, {
        command,
        args: panel => ({ view, id: panel.id, selection: this._selections.get(panel) as any }),
        name: panel => panel.id
      });
    }
  }

  /**
   * Show a view; the monitor and the list are there once, forms and editors once for each subject.
   */
  open(view: ViewName, selection: Record<string, unknown>, id?: string): Content {
    const name = id ?? this._idFor(view, selection);
    const tracker = this._trackers.get(view)!;
    const there = tracker.find(each => each.id === name);
    if (there) {
      this._select(there, selection);
      this._app.shell.activateById(there.id);
      return there;
    }
    const state = new LocalState(selection, values => {
      this._selections.set(panel, values);
      void tracker.save(panel);
      this._entitle(panel, view);
    });
    const panel: Content = new GuardedPanel(
      new ViewPanel(views[view], state, this._store, this.tools),
      this._trans
    );
    panel.id = name;
    panel.title.icon = ccpIcon;
    panel.title.closable = true;
    this._selections.set(panel, selection);
    this._entitle(panel, view);
    void tracker.add(panel);
    this._app.shell.add(panel, 'main');
    this._app.shell.activateById(panel.id);
    return panel;
  }

  /** A view for the sidebar. */
  side(view: ViewName, states: IStateDB | null): ViewPanel {
    const id = `ccp-side-${view}`;
    const state = new LocalState({}, values => void states?.save(id, values as any));
    void states?.fetch(id).then(values => state.fill((values ?? {}) as Record<string, unknown>));
    const panel = new ViewPanel(views[view], state, this._store, this.tools);
    panel.id = id;
    panel.title.icon = ccpIcon;
    panel.title.caption = this._titles[view];
    panel.node.setAttribute('role', 'region');
    panel.node.setAttribute('aria-label', this._titles[view]);
    return panel;
  }

  private _idFor(view: ViewName, selection: Record<string, unknown>): string {
    if (view === 'methods' || view === 'monitor') {
      return `ccp-${view}`;
    }
    if (view === 'form' && selection.from) {
      // Never over what somebody has typed into the form of the same Method.
      return `ccp-form-from-${String(selection.from)}`;
    }
    const subject = view === 'execution' ? selection.execution_id : selection.method;
    return `ccp-${view}-${String(subject || UUID.uuid4())}`;
  }

  private _select(panel: Content, selection: Record<string, unknown>): void {
    panel.content.selection.fill(selection);
    panel.content.selection.save_changes();
  }

  private _entitle(panel: Content, view: ViewName): void {
    const title = String(panel.content.selection.get('title') ?? '');
    panel.title.label = title ? `${this._titles[view]}: ${title}` : this._titles[view];
  }
}
