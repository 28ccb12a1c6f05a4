// How the running posternd was started, as far as the system tells it.
#ifndef CLI_DOCTOR_PROCESS_H
#define CLI_DOCTOR_PROCESS_H

#include "cli.h"

// Files of an installation; NULL: not known.
struct process_files {
    const char *data, *secrets, *config, *tls_certificate;
};

// Adds what is not set in *files yet by the command line of the process that listens at the socket, and by the file
// that its --config names.
void process_find_files(struct cli *cli, const char *socket_path, struct process_files *files);

#endif
