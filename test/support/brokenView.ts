// SPDX-License-Identifier: ISC
//
// Loaded in front of the rhine command (`node --import`): drawing the log's view is a defect. For tests of what follows.

import { LogView } from '../../appliance/user/console/views/log.ts';

LogView.prototype.rows = () => {
  throw new TypeError('planted in drawing');
};
