// Says who may do what a message advises.
#ifndef RPC_ADVICE_H
#define RPC_ADVICE_H

#include <stddef.h>

// Messages end with the command that helps, "make it with: postern account put acme". To a caller whose authorities
// (or'ed, rpc/authority.h) do not allow that command, it becomes "make it, as an operator, with: ...". `message` has
// room for `size` bytes; where that is too little, the command is left out.
void advice_name_who_may(char *message, size_t size, unsigned authorities);

#endif
