# Certificates for tests, made on the spot, and daemons that show them. Needs DAEMON_HOME; they are in $CERTS.
# shellcheck shell=bash

PAST=(-startdate 20250101000000Z -enddate 20250102000000Z)

# make_ca NAME: $CERTS/NAME.pem and its key.
make_ca() {
    CERTS=$DAEMON_HOME/certs
    mkdir -p "$CERTS"
    export CERTS
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/O=Tests/CN=$1" \
        -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout "$CERTS/$1.key" -out "$CERTS/$1.pem" 2>>"$DAEMON_HOME/openssl"
}

# make_certificate CA NAME SUBJECT [SAN [OPTION]...]: options of "openssl ca" say how long it is good for (a day).
make_certificate() {
    local period=("${@:5}")
    [ "${#period[@]}" -gt 0 ] || period=(-days 1)
    printf '%s\n' '[ca]' 'default_ca = tests' '[tests]' "database = $CERTS/index" "serial = $CERTS/serial" \
        "new_certs_dir = $CERTS" 'default_md = sha256' 'policy = any' '[any]' 'organizationName = optional' \
        'commonName = supplied' >"$CERTS/settings"
    # With what RFC 5280 asks for: Python 3.13 takes no other.
    printf '%s\n' "subjectAltName=${4:-DNS:unused.example}" 'basicConstraints=CA:FALSE' 'subjectKeyIdentifier=hash' \
        'authorityKeyIdentifier=keyid' >"$CERTS/extensions"
    : >"$CERTS/index"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$3" \
        -keyout "$CERTS/$2.key" -out "$CERTS/$2.csr" 2>>"$DAEMON_HOME/openssl" &&
        openssl ca -batch -notext -create_serial -config "$CERTS/settings" -in "$CERTS/$2.csr" \
            -cert "$CERTS/$1.pem" -keyfile "$CERTS/$1.key" "${period[@]}" -extfile "$CERTS/extensions" \
            -out "$CERTS/$2.pem" 2>>"$DAEMON_HOME/openssl" &&
        chmod 600 "$CERTS/$2.key"
}

# A server's for this machine's names, and what is wrong in one way each; clients' of that CA and of another.
make_certificates() {
    local here=DNS:localhost,IP:127.0.0.1
    make_ca ca
    make_ca stranger
    make_certificate ca server /CN=localhost "$here"
    make_certificate ca server2 /CN=localhost "$here"
    make_certificate ca expired /CN=localhost "$here" "${PAST[@]}"
    make_certificate ca elsewhere /CN=elsewhere.example DNS:elsewhere.example
    make_certificate stranger foreign /CN=localhost "$here"
    make_certificate ca billing /CN=billing
    make_certificate ca unknown /CN=unknown
    make_certificate ca late /CN=billing "" "${PAST[@]}"
    make_certificate stranger impostor /CN=billing
    echo "this is no certificate" >"$CERTS/text.pem"
    cp "$CERTS/server.key" "$CERTS/open.key"
    chmod 644 "$CERTS/open.key"
}

serial_of() {
    openssl x509 -in "$CERTS/$1.pem" -noout -serial | sed 's/serial=0*//'
}

# own_daemon_with_tls NAME [ARGUMENT]...: for this test alone, with a copy of that certificate. Sets TLS_URL. Of
# keys.bash, with whose drop_own_daemon the test ends.
own_daemon_with_tls() {
    local certs=$CERTS name=$1 port
    port=$(free_port)
    shift
    unset DAEMON_HOME
    make_home
    CERTS=$certs
    cp "$CERTS/$name.pem" "$DAEMON_HOME/tls.pem"
    cp -p "$CERTS/$name.key" "$DAEMON_HOME/tls.key"
    TLS_URL=tls+tcp://localhost:$port
    OWN_DAEMON=yes
    start_daemon --listen "tls+tcp://127.0.0.1:$port" --tls-certificate "$DAEMON_HOME/tls.pem" \
        --tls-key "$DAEMON_HOME/tls.key" "$@"
}
