import type { ITools } from '../../contract';

/** Kinds of inputs and outputs, in words. */
export function kindNames(trans: ITools['trans']): Record<string, string> {
  return {
    text: trans('Text'),
    integer: trans('Whole number'),
    number: trans('Number'),
    boolean: trans('Yes or no'),
    date: trans('Date'),
    time: trans('Time'),
    dateTime: trans('Date and time'),
    url: trans('Address (URL)'),
    email: trans('E-mail address'),
    file: trans('File'),
    remotefile: trans('Workspace file'),
    select: trans('Choice of one'),
    checklist: trans('Choice of several'),
    secret: trans('Secret'),
    code: trans('Code'),
    geo: trans('Place on a map (GeoJSON)'),
    object: trans('JSON object'),
    array: trans('JSON list'),
    other: trans('Other format')
  };
}
