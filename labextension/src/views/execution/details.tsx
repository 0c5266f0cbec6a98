import { copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IExecution } from '../../data';
import { IconButton, size } from '../../parts';
import { useData, useTools } from '../../react';
import { factsOf } from './facts';

/** Everything else that is known of it. */
export function Details({ execution }: { execution: IExecution }): JSX.Element {
  const { trans, transN, copy, open } = useTools();
  const { items: infrastructures } = useData('infrastructures');
  const { version, infrastructure, image, replicas, nodes, outputSize } = factsOf(execution);
  const { jobID, title, processID, origin, resources, callbacks = [] } = execution;
  const place = infrastructures.find(each => each.id === infrastructure)?.name;
  const gpus = resources.gpus.length;
  const link = (text: string, onClick: () => void) => (
    <button type="button" className="ccp-Link" onClick={onClick}>
      {text}
    </button>
  );
  const facts: [string, React.ReactNode][] = [
    [
      trans('Id'),
      <>
        <code>{jobID}</code>{' '}
        <IconButton icon={copyIcon} label={trans('Copy the id')} onClick={() => void copy(jobID)} />
      </>
    ],
    [
      trans('Method'),
      processID ? link(title, () => open('editor', { method: processID, title })) : title
    ],
    [trans('Version'), version],
    [trans('Message'), execution.message],
    [trans('Submitted'), moment(execution.created)],
    [trans('Started'), moment(execution.started)],
    [trans('Ended'), moment(execution.finished)],
    [trans('By'), execution.owner],
    [trans('Infrastructure'), place ? `${place} (${infrastructure})` : infrastructure],
    [trans('Nodes'), nodes.join(', ')],
    [trans('Runtime'), <code key="image">{image}</code>],
    [execution.kind === 'experiment' ? trans('Batches') : trans('Replicas'), String(replicas)],
    [
      trans('Each has'),
      [
        transN('%1 core', '%1 cores', resources.cpus),
        trans('%1 memory', size(resources.memory)),
        gpus ? transN('%1 GPU', '%1 GPUs', gpus) : '',
        trans('at most %1 s in the Execute phase', resources.maxTime)
      ]
        .filter(Boolean)
        .join(', ')
    ],
    [trans('Priority'), String(execution.priority)],
    [trans('Outputs'), outputSize === null ? '' : trans('%1 zipped', size(outputSize))],
    [
      trans('Made from'),
      origin &&
        link(`${origin.kind} ${origin.id}`, () =>
          open('execution', { execution_id: origin.id, title })
        )
    ],
    [
      trans('Callbacks'),
      callbacks.map(each => `${each.kind} ${each.uri}: ${each.state}`).join('; ')
    ]
  ];
  return (
    <dl className="ccp-Facts ccp-mod-wide">
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

function moment(at: string | undefined): string {
  return at ? new Date(at).toLocaleString() : '';
}
