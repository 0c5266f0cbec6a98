import { ellipsesIcon, LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IMenuEntry } from '../../contract';
import { IconButton, IconLink, ProblemBox } from '../../parts';
import { pathOf, useTools } from '../../react';
import { CodeDialog } from '../code/dialog';
import { SharingDialog } from '../sharing';
import type { IExecution } from '../../data';
import type { IAction, IActions } from './actions';

/** What is wanted most stands in the bar, the rest in its menu. */
const PRIMARY: readonly string[] = [
  'cancel',
  'fetch',
  'download',
  'repeat',
  'change',
  'code',
  'share'
];

/** What can be done: buttons with icon and text, which wrap where there is little room. */
export function ActionBar({
  actions,
  label,
  first = []
}: {
  actions: IActions;
  label: string;
  /** Stand before all others. */
  first?: readonly IAction[];
}): JSX.Element {
  const { trans, menu } = useTools();
  const shown = actions.list.filter(each => PRIMARY.includes(each.id));
  const rest = actions.list.filter(each => !PRIMARY.includes(each.id));
  return (
    <div className="ccp-Actions" role="group" aria-label={label}>
      {[...first, ...shown].map(action => (
        <LabelledAction key={action.id} action={action} disabled={actions.busy} />
      ))}
      <button
        type="button"
        className="ccp-Action"
        aria-haspopup="menu"
        disabled={actions.busy}
        onClick={event => {
          const { left, bottom } = event.currentTarget.getBoundingClientRect();
          menu(menuEntries(rest), { x: left, y: bottom });
        }}
      >
        <Icon icon={ellipsesIcon} />
        {trans('More')}
      </button>
    </div>
  );
}

/** Actions as entries of a menu; deleting stands apart. */
export function menuEntries(list: readonly IAction[]): readonly IMenuEntry[] {
  return list.map(({ id, label, icon, run, href }) => ({
    label,
    icon,
    run: run ?? (() => download(href!)),
    separated: id === 'delete'
  }));
}

function download(href: string): void {
  const link = document.createElement('a');
  link.href = href;
  link.download = '';
  link.click();
}

function LabelledAction({
  action: { id, icon, label, hint, run, href, kind },
  disabled
}: {
  action: IAction;
  disabled: boolean;
}): JSX.Element {
  const content = (
    <>
      <Icon icon={icon} />
      {label}
    </>
  );
  const name = `ccp-Action${kind ? ` ccp-mod-${kind}` : ''}`;
  return href ? (
    <a className={name} href={href} download="" title={hint} data-action={id}>
      {content}
    </a>
  ) : (
    <button
      type="button"
      className={name}
      title={hint}
      data-action={id}
      disabled={disabled}
      onClick={run}
    >
      {content}
    </button>
  );
}

function Icon({ icon }: { icon: LabIcon }): JSX.Element {
  return <icon.react tag="span" elementSize="normal" />;
}

/** Some actions as icons, for a row. */
export function ActionIcons({
  actions,
  only
}: {
  actions: IActions;
  only: readonly string[];
}): JSX.Element {
  const shown = actions.list.filter(each => only.includes(each.id));
  return (
    <span className="ccp-RowActions">
      {shown.map(({ id, icon, label, hint, run, href }) =>
        href ? (
          <IconLink key={id} icon={icon} label={label} href={href} download />
        ) : (
          <IconButton
            key={id}
            icon={icon}
            label={label}
            hint={hint ? `${label}: ${hint}` : undefined}
            disabled={actions.busy}
            onClick={run!}
          />
        )
      )}
    </span>
  );
}

/** What an action led to: a dialog, or what went wrong. */
export function ActionResults({
  actions,
  execution
}: {
  actions: IActions;
  execution: IExecution;
}): JSX.Element {
  const { dialog, close, problem, clear } = actions;
  return (
    <>
      <ProblemBox problem={problem} dismiss={clear} />
      {dialog === 'code' && (
        <CodeDialog
          source={{ execution: execution.jobID }}
          title={execution.title}
          onClose={close}
        />
      )}
      {dialog === 'share' && (
        <SharingDialog
          target={pathOf('jobs', execution.jobID)}
          title={execution.title}
          onClose={close}
        />
      )}
    </>
  );
}
