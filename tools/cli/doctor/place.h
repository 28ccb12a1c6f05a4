// Looks at the files of an installation: who may open them, and how much room there is.
#ifndef CLI_DOCTOR_PLACE_H
#define CLI_DOCTOR_PLACE_H

#include "doctor/process.h"
#include "doctor/report.h"

// The socket of an ipc URL: who may connect, and who could put another one in its place.
void place_check_socket(struct report *report, const char *path);
// The data directory, the keyring, the configuration file, and the disk that they are on. What is not known, or not
// this user's to see, is a note.
void place_check_files(struct report *report, const struct process_files *files);

#endif
