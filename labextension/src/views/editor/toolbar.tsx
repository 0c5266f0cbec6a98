import {
  addIcon,
  clearIcon,
  deleteIcon,
  duplicateIcon,
  notebookIcon,
  runIcon,
  saveIcon,
  undoIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';
import { IconButton } from '../../parts';
import { useTools } from '../../react';

export interface IActions {
  save: () => void;
  tryOut: () => void;
  begin: () => void;
  clone: () => void;
  fromFile: () => void;
  revert: () => void;
  clear: () => void;
  remove: () => void;
}

/** The buttons above the form, and how it stands. */
export function Toolbar({
  actions,
  status,
  busy,
  unsaved,
  isNew,
  mutable,
  readable
}: {
  actions: IActions;
  /** How it stands, in words. */
  status: string;
  busy: boolean;
  unsaved: boolean;
  isNew: boolean;
  mutable: boolean;
  /** False while the JSON cannot be read: there is nothing to save then. */
  readable: boolean;
}): JSX.Element {
  const { trans } = useTools();
  const copies = !isNew && !mutable;
  const hint = readable ? undefined : trans('The JSON cannot be read; correct it first.');
  return (
    <div className="ccp-EditorBar" role="toolbar" aria-label={trans('Method')}>
      <button
        type="button"
        className="jp-mod-styled jp-mod-accept"
        disabled={busy || !readable || (!unsaved && !isNew && !copies)}
        aria-busy={busy}
        title={hint ?? trans('Save (Ctrl S)')}
        onClick={actions.save}
      >
        <saveIcon.react tag="span" elementSize="normal" />
        {copies ? trans('Save as mine') : trans('Save')}
      </button>
      <button
        type="button"
        className="jp-mod-styled"
        disabled={busy || !readable}
        title={
          hint ??
          (unsaved
            ? trans('Run what is here, as a private copy, without saving it')
            : trans('Open the form that runs it'))
        }
        onClick={actions.tryOut}
      >
        <runIcon.react tag="span" elementSize="normal" />
        {trans('Try it')}
      </button>
      <span className="ccp-EditorBar-icons">
        <IconButton icon={addIcon} label={trans('New Method')} onClick={actions.begin} />
        <IconButton
          icon={duplicateIcon}
          label={isNew || unsaved ? trans('Derive a new Method') : trans('Clone or derive…')}
          disabled={busy || !readable}
          onClick={actions.clone}
        />
        <IconButton
          icon={notebookIcon}
          label={trans('Make it of a notebook or script…')}
          disabled={busy}
          onClick={actions.fromFile}
        />
        <IconButton
          icon={undoIcon}
          label={trans('Discard changes')}
          disabled={busy || !unsaved || isNew}
          onClick={actions.revert}
        />
        <IconButton
          icon={clearIcon}
          label={trans('Clear the form')}
          disabled={busy}
          onClick={actions.clear}
        />
        <IconButton
          icon={deleteIcon}
          label={trans('Delete the Method')}
          disabled={busy || isNew || !mutable}
          onClick={actions.remove}
        />
      </span>
      <span className="ccp-EditorBar-status ccp-secondary" role="status">
        {status}
      </span>
    </div>
  );
}
