import { copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { IconButton, Modal } from '../../parts';
import { useTools } from '../../react';
import type { Process } from './useForm';
import { encodeForm, linkable, LONGEST, PARAMETER, serviceLink } from './link';
import type { IField } from './model';
import type { Inputs } from './values';

/** Addresses that open this form filled in as it is: to keep, or to send to somebody. */
export function LinkDialog({
  process,
  fields,
  inputs,
  outputs,
  onClose
}: {
  process: Process;
  fields: readonly IField[];
  inputs: Inputs;
  outputs: string[] | null;
  onClose: () => void;
}): JSX.Element {
  const { trans, labAddress } = useTools();
  const inLab = linkable(fields, inputs, true);
  const onPage = linkable(fields, inputs, false);
  const parameter = encodeForm({
    method: process.id,
    inputs: inLab.inputs,
    outputs: outputs ?? undefined
  });
  const lab = labAddress({ [PARAMETER]: parameter });
  const self = process.links.find(each => each.rel === 'self')?.href;
  const page = self && serviceLink(self, onPage.inputs);
  return (
    <Modal title={trans('Direct link')} onClose={onClose}>
      <p>
        {trans(
          'It opens this form filled in as it is now, for everybody who may see the Method. Nothing runs before somebody says so.'
        )}
      </p>
      <Address label={trans('In JupyterLab')} address={lab} missing={inLab.missing} />
      {page && (
        <Address
          label={trans('On the page of the service, without JupyterLab')}
          address={page}
          missing={onPage.missing}
        />
      )}
    </Modal>
  );
}

function Address({
  label,
  address,
  missing
}: {
  label: string;
  address: string;
  missing: readonly string[];
}): JSX.Element {
  const { trans, copy, notify } = useTools();
  const id = React.useId();
  return (
    <div className="ccp-LinkDialog-address">
      <label htmlFor={id}>{label}</label>
      <div className="ccp-Field-row">
        <input
          id={id}
          className="jp-mod-styled ccp-Field-input"
          readOnly
          value={address}
          onFocus={event => event.target.select()}
        />
        <IconButton
          icon={copyIcon}
          label={trans('Copy: %1', label)}
          onClick={() =>
            void copy(address).then(() => notify(trans('The link is in the clipboard.'), 'info'))
          }
        />
      </div>
      {missing.length > 0 && (
        <p className="ccp-secondary">
          {trans('Not in it, because they are files or secrets: %1', missing.join(', '))}
        </p>
      )}
      {address.length > LONGEST && (
        <p className="ccp-secondary">
          {trans('It is very long; some mail programs and chats will cut it off.')}
        </p>
      )}
    </div>
  );
}
