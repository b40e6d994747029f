// The names are importable from a module.
import assert from 'node:assert/strict';
import { getLoadablePath, load, serializeFloat32 } from 'nearlite';

assert.match(getLoadablePath(), /node_modules.nearlite.lib./);
assert.equal(typeof load, 'function');
assert.equal(serializeFloat32([1]).length, 4);
