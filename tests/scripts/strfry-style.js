#!/usr/bin/env node
// A write policy for strfry: a white list.

const whiteList = {
  ['c0de'.repeat(16)]: true,
};

const rl = require('readline').createInterface({
  input: process.stdin,
  output: process.stdout,
  terminal: false,
});

rl.on('line', (line) => {
  const req = JSON.parse(line);

  if (req.type !== 'new') {
    console.error('unexpected request type');
    return;
  }

  const res = { id: req.event.id };

  if (whiteList[req.event.pubkey]) {
    res.action = 'accept';
  } else {
    res.action = 'reject';
    res.msg = 'blocked: not on white-list';
  }

  console.log(JSON.stringify(res));
});
