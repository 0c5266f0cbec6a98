import { DOMWidgetModel, DOMWidgetView } from '@jupyter-widgets/base';
import type { ITools, ViewName } from '../contract';
import type { LiveStore } from '../store/store';
import { views } from '../views';
import { HostModel, type Selection } from './model';

/** Keys of views that cannot be names in Python. */
const TRAITS: Record<string, string> = { from: 'from_' };

/** What uses arrow and letter keys itself, which the notebook takes for its own in command mode. */
const KEYS = '[role=tree], [role=tablist], [role=log]';

/** Host for notebook cells: the classes that the widget manager looks up by name. */
export function widgetClasses(
  store: LiveStore,
  tools: ITools,
  module: string,
  version: string
): Record<string, unknown> {
  class CcpModel extends DOMWidgetModel {
    override defaults() {
      return {
        ...super.defaults(),
        _model_name: 'CcpModel',
        _model_module: module,
        _model_module_version: version,
        _view_name: 'CcpView',
        _view_module: module,
        _view_module_version: version
      };
    }
  }

  class CcpView extends DOMWidgetView {
    private _host?: HostModel;
    private _cleanup?: () => void;

    override render() {
      this.el.classList.add('ccp-View', 'ccp-mod-cell');
      this.el.addEventListener('focusin', ({ target }: FocusEvent) => {
        const usesKeys = (target as Element).closest(KEYS) !== null;
        this.el.toggleAttribute('data-lm-suppress-shortcuts', usesKeys);
      });
      this._host = new HostModel(traitsOf(this.model), store);
      const view = views[this.model.get('view') as ViewName];
      this._cleanup = view.render({ model: this._host, el: this.el, tools });
    }

    override remove() {
      this._cleanup?.();
      this._host?.dispose();
      return super.remove();
    }
  }

  return { CcpModel, CcpView };
}

/** A widget's traits, by the keys that views use. */
function traitsOf(model: DOMWidgetModel): Selection {
  const trait = (key: string) => TRAITS[key] ?? key;
  const event = (name: string) => name.replace(/^change:(.*)$/, (_, key) => `change:${trait(key)}`);
  return {
    get: key => model.get(trait(key)),
    set: (key, value) => void model.set(trait(key), value),
    on: (name, callback) => void model.on(event(name), callback),
    off: (name, callback) => void model.off(event(name), callback),
    save_changes: () => model.save_changes()
  };
}
