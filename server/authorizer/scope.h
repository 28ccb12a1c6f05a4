// Which of the asked scopes a key lacks, through the catalogue.
#ifndef AUTHORIZER_SCOPE_H
#define AUTHORIZER_SCOPE_H

#include "authorizer/authorizer.h"

// Fills the decision's missing_scopes inside the call's snapshot. Where names alone decide, the catalogue is not read.
STATUS_MUST_CHECK enum status scope_list_missing(struct authorizer_call *call);

#endif
