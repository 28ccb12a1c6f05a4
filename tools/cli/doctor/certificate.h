// When certificates run out. Its file alone knows OpenSSL here.
#ifndef CLI_DOCTOR_CERTIFICATE_H
#define CLI_DOCTOR_CERTIFICATE_H

#include "doctor/report.h"

// Looks at the first certificate in a PEM file.
void certificate_check_file(struct report *report, const char *what, const char *path);
// Looks at the one that is shown at a tls+tcp URL, whoever it is of.
void certificate_check_url(struct report *report, const char *url);

#endif
