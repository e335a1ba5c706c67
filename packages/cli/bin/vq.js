#!/usr/bin/env node
// Stands in the repository, so that `npm ci` can link it before the build.
import "../dist/main.js";
