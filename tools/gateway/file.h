// The configuration file: YAML, one mapping of settings.
#ifndef GATEWAY_FILE_H
#define GATEWAY_FILE_H

#include "setting.h"

// Reads the file into `options`. Settings marked in `given` are checked but not taken, because flags gave them. False
// when the file cannot be read or is wrong; then it has said so on stderr, with the file and the line.
bool file_read(const char *path, const bool given[SETTING_COUNT], struct options *options);

#endif
