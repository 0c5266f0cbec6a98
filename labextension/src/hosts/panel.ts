import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import type { ITools, IView } from '../contract';
import type { LiveStore } from '../store/store';
import type { LocalState } from './local';
import { HostModel } from './model';

/** Host for sidebar and main area. The view is drawn when it is first shown. */
export class ViewPanel extends Widget {
  private _model?: HostModel;
  private _cleanup?: () => void;
  /** Whether closing would lose something. */
  unsaved = false;

  constructor(
    private _view: IView,
    readonly selection: LocalState,
    private _store: LiveStore,
    private _tools: ITools
  ) {
    super();
    this.addClass('ccp-View');
    this.node.tabIndex = -1;
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._cleanup?.();
      this._model?.dispose();
    }
    super.dispose();
  }

  protected override onBeforeShow(message: Message): void {
    super.onBeforeShow(message);
    this._draw();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      this._draw();
    }
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    // A click on something inside activates too: moving the focus would take the click away.
    const active = document.activeElement;
    if (active !== this.node && this.node.contains(active)) {
      return;
    }
    const find = (selector: string) => this.node.querySelector<HTMLElement>(selector);
    (find('[data-ccp-focus]') ?? find('input, button, a[href]') ?? this.node).focus();
  }

  private _draw(): void {
    if (!this._cleanup) {
      const tools = { ...this._tools, setUnsaved: (unsaved: boolean) => (this.unsaved = unsaved) };
      this._model = new HostModel(this.selection, this._store);
      this._cleanup = this._view.render({ model: this._model, el: this.node, tools });
    }
  }
}
