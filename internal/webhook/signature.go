package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"doorward/internal/gate"
)

// keyPrefix begins a secret that is base64 (Standard Webhooks, symmetric signatures).
const keyPrefix = "whsec_"

// minKey is the least of a key in bytes: what Standard Webhooks asks for.
const minKey = 24

// CheckSecret tells what is wrong with a secret, and never what stands in it. The
// app asks before it serves.
func CheckSecret(secret gate.Secret) error {
	_, err := keyOf(secret)
	return err
}

// keyOf is what notices are signed with: the bytes after whsec_ in base64, or the
// text as it is.
func keyOf(secret gate.Secret) ([]byte, error) {
	key := []byte(secret.Reveal())
	if text, encoded := strings.CutPrefix(string(key), keyPrefix); encoded {
		var err error
		if key, err = base64.StdEncoding.Strict().DecodeString(text); err != nil {
			return nil, errors.New("the secret begins with " + keyPrefix + " and is not base64 after it")
		}
	}
	if len(key) < minKey {
		return nil, fmt.Errorf("the secret has fewer than %d bytes: make one of random bytes, such as %s and the base64 of 32", minKey, keyPrefix)
	}
	return key, nil
}

// signature is the value of webhook-signature: version 1, over id, time and body.
func signature(key []byte, id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + ".")) // hash.Hash: never an error
	_, _ = mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
