import type { IView, ViewName } from '../contract';
import editor from './editor';
import execution from './execution';
import form from './form';
import methods from './methods';
import monitor from './monitor';

/** Every view, by its name. */
export const views: Record<ViewName, IView> = { methods, editor, form, monitor, execution };
