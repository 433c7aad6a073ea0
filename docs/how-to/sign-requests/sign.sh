#!/bin/sh
# Sends one signed request: sh sign.sh URL
set -eu
body='{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}'

sha256() { openssl dgst -sha256 -binary; }
base64() { openssl base64 -A; }
hex() { od -An -v -tx1 | tr -d ' \n'; }

# pad HEX MASK: the key's bytes, then zeros up to 64, each XOR the mask.
pad() {
	octal='' n=0
	for byte in $(printf %s "$1" | sed 's/../& /g'); do
		octal="$octal\\$(printf %03o $((0x$byte ^ $2)))" n=$((n + 1))
	done
	while [ $n -lt 64 ]; do
		octal="$octal\\$(printf %03o $(($2)))" n=$((n + 1))
	done
	printf "$octal"
}

# hmac HEX: HMAC-SHA256 (RFC 2104) of stdin. openssl's own takes the key as an
# argument, which every program on the machine can read.
hmac() {
	{ pad "$1" 0x5c; { pad "$1" 0x36; cat; } | sha256; } | sha256
}

digest="sha-256=:$(printf %s "$body" | sha256 | base64):"
params="(\"@method\" \"@target-uri\" \"content-digest\" \"content-type\" \"mcp-method\" \"mcp-protocol-version\")"
params="$params;created=$(date +%s);nonce=\"$(openssl rand -hex 16)\";keyid=\"$DOORWARD_KEY_ID\";alg=\"hmac-sha256\";tag=\"doorward\""
secret=$(printf 'doorward request signing v1' | hmac "$(printf %s "$DOORWARD_KEY" | hex)" | hex)
base=$(printf '"%s": %s\n' @method POST @target-uri "$1" content-digest "$digest" content-type application/json \
	mcp-method tools/list mcp-protocol-version 2026-07-28 @signature-params "$params")
signature=$(printf %s "$base" | hmac "$secret" | base64)

curl --silent --show-error --fail-with-body --globoff --path-as-is --data-raw "$body" \
	--header 'Accept: application/json, text/event-stream' --header 'Content-Type: application/json' \
	--header 'Mcp-Method: tools/list' --header 'Mcp-Protocol-Version: 2026-07-28' \
	--header "Content-Digest: $digest" --header "Signature-Input: sig1=$params" --header "Signature: sig1=:$signature:" "$1"
