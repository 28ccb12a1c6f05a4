#!/usr/bin/env python3
"""Asks every call, as everybody, about an account of his own and another one, and compares the statuses with the table.

    authority.py IPC VERIFIER_IPC TCP TOKENS

Needs a fresh daemon with the tier "free" and the scope "read", and an operator behind IPC. VERIFIER_IPC gives at most
verifier. TOKENS: the tokens that were made are added to this file.
"""
import os
import sys

import client

OK, INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION, UNAUTHENTICATED = 0, 3, 5, 7, 9, 16

# What a caller may be; a call takes any one of what it names.
VERIFY, RATECHECK, ADMIN, OPERATOR = "verify", "ratecheck", "admin", "operator"
KEEPERS = {ADMIN, OPERATOR}
EVERYBODY = None

# call: (who may, what is asked, the status for who may). {key} is an active key of {account} that no other cell uses.
CALLS = {
    "verify": ({VERIFY}, 'api_key: "{token}" peek: true', OK),
    "verify_batch": ({VERIFY}, 'calls {{ api_key: "{token}" peek: true }}', OK),
    "rate_check": ({VERIFY, RATECHECK, ADMIN},  # admins: to peek
                   'account: "{account}" mode: RATE_CHECK_MODE_PEEK charges {{ resource: "requests" }}', OK),
    "create": (KEEPERS, 'account: "{account}" name: "made"', OK),
    "get": (KEEPERS, 'key_id: "{key}"', OK),
    "list": (KEEPERS, 'account: "{account}" page_size: 2', OK),
    "update": (KEEPERS, 'key_id: "{key}" update_mask: "name" name: "renamed"', OK),
    "roll": (KEEPERS, 'key_id: "{key}"', OK),
    "revoke": (KEEPERS, 'key_id: "{key}"', OK),
    "delete": (KEEPERS, 'key_id: "{key}"', OK),
    "import": ({OPERATOR}, 'keys {{ sha256: {sha256} key {{ account: "{account}" name: "moved" }} }}', OK),
    "put_account": ({OPERATOR}, 'account: "{account}" max_keys: 900', OK),
    "get_account": (KEEPERS, 'account: "{account}"', OK),
    "list_accounts": ({OPERATOR}, "page_size: 2", OK),
    "put_tier": ({OPERATOR}, 'tier: "spare"', OK),
    "list_tiers": ({OPERATOR}, "page_size: 2", OK),
    "put_scope": ({OPERATOR}, 'scope: "spare"', OK),
    "list_scopes": (KEEPERS, "page_size: 2", OK),
    "revoke_all": ({OPERATOR}, 'account: "{account}" created_before_ms: 1', OK),
    "delete_account": ({OPERATOR}, 'account: "{account}"', FAILED_PRECONDITION),  # has keys
    "reset_meters": ({OPERATOR}, 'account: "{account}" resource: "requests"', OK),  # admins: with a scope of its own
    "delete_tier": ({OPERATOR}, 'tier: "free"', FAILED_PRECONDITION),  # has accounts
    "delete_scope": ({OPERATOR}, 'scope: "no-such"', NOT_FOUND),
    "health": (EVERYBODY, "", OK),
    "list_changes": (KEEPERS, 'account: "{account}" page_size: 2', OK),
}
NAMES_NO_ACCOUNT = {"verify", "verify_batch", "list_accounts", "put_tier", "list_tiers", "put_scope", "list_scopes",
                    "delete_tier", "delete_scope", "health"}

# who: (where he calls, the scopes of his credential and its account, what that makes him).
CALLERS = {
    "an operator by its uid": ("ipc", None, {VERIFY, RATECHECK, OPERATOR}),
    "an operator's key": ("ipc", ("postern", ["postern:operator"]), {VERIFY, RATECHECK, OPERATOR}),
    "an operator's key over tcp": ("tcp", ("postern", ["postern:operator"]), {VERIFY, RATECHECK, OPERATOR}),
    "an operator's key under a ceiling": ("verifier", ("postern", ["postern:operator"]), {VERIFY, RATECHECK}),
    "an account-admin": ("ipc", ("own", ["postern:account-admin", "read"]), {ADMIN}),
    "an account-admin with every scope": ("tcp", ("own", ["postern:account-admin", "admin"]), {ADMIN}),
    "an account-admin under a ceiling": ("verifier", ("own", ["postern:account-admin", "read"]), set()),
    "a verifier's key": ("ipc", ("own", ["postern:verify"]), {VERIFY}),
    "a verifier's key over tcp": ("tcp", ("own", ["postern:verify"]), {VERIFY}),
    "a ratechecker's key": ("ipc", ("own", ["postern:ratecheck"]), {RATECHECK}),
    "a key with the scope admin": ("ipc", ("own", ["admin"]), set()),
    "a key without scopes": ("tcp", ("own", []), set()),
    "a uid under a ceiling": ("verifier", None, {VERIFY, RATECHECK}),
    "anybody over tcp": ("tcp", None, set()),
}


def change(text):
    return f"request_id: {client.quoted(os.urandom(16))} {text}"


def expected(caller, call, account):
    where, credential, is_a = CALLERS[caller]
    needs, _, status = CALLS[call]
    if needs is EVERYBODY:
        return status
    if not is_a & needs:
        return UNAUTHENTICATED if where == "tcp" and credential is None else PERMISSION_DENIED
    if account == "own" or call in NAMES_NO_ACCOUNT or OPERATOR in is_a:
        return status
    if call == "rate_check" and RATECHECK in is_a:
        return status
    return NOT_FOUND  # what belongs to another account


class Setting:
    """The accounts, the callers' keys, and a key for each cell of the table."""

    def __init__(self, connection, note):
        self.connection, self.note = connection, note
        self.ask([f'put_account {{ account: "{account}" tier: "free" environments: ENVIRONMENT_TEST environments:'
                  f' ENVIRONMENT_LIVE no_default_public_key: true max_keys: 900 }}' for account in ("own", "other")])

    def ask(self, texts):
        replies = client.decode(*self.connection.exchange(client.encode(*(change(text) for text in texts))))
        for reply, text in zip(replies, texts):
            if client.code_of(reply) != OK:
                sys.exit(f"{text}: {reply['status']}")
        return replies

    def make_keys(self, wanted):
        """wanted: pairs of account and scopes. Returns pairs of token and id."""
        words = ['create {{ account: "{}" name: "made" {} {} }}'.format(
            account, "environment: ENVIRONMENT_LIVE" if scopes is not None else "",
            " ".join(f'scopes: "{scope}"' for scope in scopes or [])) for account, scopes in wanted]
        made = [reply["create"] for reply in self.ask(words)]
        for one in made:
            self.note.write(one["api_key"] + "\n")
        return [(one["api_key"], one["key"]["key_id"]) for one in made]


def main():
    urls = dict(zip(("ipc", "verifier", "tcp"), sys.argv[1:4]))
    cells = [(caller, call, account) for caller in CALLERS for call in CALLS
             for account in (["own"] if call in NAMES_NO_ACCOUNT else ["own", "other"])]
    with open(sys.argv[4], "a", encoding="ascii") as note:
        setting = Setting(client.Connection(urls["ipc"]), note)
        with_key = [caller for caller, (_, credential, _) in CALLERS.items() if credential]
        tokens = dict(zip(with_key, setting.make_keys([CALLERS[caller][1] for caller in with_key])))
        victims = setting.make_keys([(account, None) for _, _, account in cells])
    texts = []
    for (caller, call, account), (token, key) in zip(cells, victims):
        asked = CALLS[call][1].format(account=account, token=token, key=key, sha256=client.quoted(os.urandom(32)))
        credential = f'credential: "{tokens[caller][0]}"' if caller in tokens else ""
        texts.append(change(f"{credential} {call} {{ {asked} }}"))
    connections = {where: client.Connection(url) for where, url in urls.items()}
    bodies = []
    for (caller, _, _), body in zip(cells, client.encode(*texts)):
        bodies += connections[CALLERS[caller][0]].exchange([body])
    wrong = 0
    for cell, reply in zip(cells, client.decode(*bodies)):
        if client.code_of(reply) != expected(*cell):
            wrong += 1
            print("{}: {} of {}: wanted {}, got".format(*cell, expected(*cell)), reply.get("status", {}))
    print(f"{len(cells)} cells, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
