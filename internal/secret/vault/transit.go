package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Transit seals keys under one that never leaves Vault (API documentation of Vault: transit).
// The key must be of a kind that binds what it seals to something else: aes256-gcm96, the
// default, aes128-gcm96 or chacha20-poly1305. Any number of goroutines may use it.
type Transit struct {
	client     *Client
	mount, key string
}

// Transit is the key at MOUNT/KEY. Nothing is asked yet.
func (c *Client) Transit(where string) (*Transit, error) {
	at := strings.LastIndexByte(where, '/')
	if _, _, ok := Split(where + "#x"); !ok || at < 1 || strings.ContainsRune(where, '#') {
		return nil, errors.New("a key of the transit engine is named by MOUNT/KEY")
	}
	return &Transit{client: c, mount: where[:at], key: where[at+1:]}, nil
}

// Wrap seals a key, bound to something that Unwrap has to be told again.
func (t *Transit) Wrap(key, bound []byte) ([]byte, error) {
	var sealed struct {
		Text string `json:"ciphertext"`
	}
	err := t.ask("encrypt", map[string]string{"plaintext": coded(key), "associated_data": coded(bound)}, &sealed)
	if err == nil && version([]byte(sealed.Text)) == "" {
		err = errAnswer
	}
	if err != nil {
		return nil, fmt.Errorf("sealing a key by vault: %w", err)
	}
	return []byte(sealed.Text), nil
}

// Unwrap opens what Wrap sealed.
func (t *Transit) Unwrap(wrapped, bound []byte) ([]byte, error) {
	if version(wrapped) == "" {
		return nil, errors.New("it is no key that vault has sealed")
	}
	var opened struct {
		Text string `json:"plaintext"`
	}
	err := t.ask("decrypt", map[string]string{"ciphertext": string(wrapped), "associated_data": coded(bound)}, &opened)
	if err != nil {
		return nil, fmt.Errorf("opening a key by vault: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(opened.Text)
	if err != nil {
		return nil, fmt.Errorf("opening a key by vault: %w", errAnswer)
	}
	return key, nil
}

// Check tells whether the key can be used: it seals and opens, and opens nothing that is bound
// to something else, which versions of Vault before 1.12 would.
func (t *Transit) Check() error {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never an error
	sealed, err := t.Wrap(key, []byte("one"))
	if err != nil {
		return err
	}
	opened, err := t.Unwrap(sealed, []byte("one"))
	switch {
	case err != nil:
		return err
	case !bytes.Equal(opened, key):
		return errors.New("vault opens another key than it sealed")
	}
	_, err = t.Unwrap(sealed, []byte("two"))
	if err == nil {
		return errors.New("vault does not hold keys to what they are bound to: it takes version 1.12 or later, and a key of kind aes256-gcm96 or chacha20-poly1305")
	}
	// 400: it does not open. Any other failure says nothing of what keys are bound to.
	if status, ok := errors.AsType[statusError](err); !ok || status != http.StatusBadRequest {
		return err
	}
	return nil
}

// Version is which version of Vault's key something is sealed under; empty: it is nothing that
// Vault has sealed.
func (t *Transit) Version(wrapped []byte) string { return version(wrapped) }

// version reads vault:VERSION:TEXT.
func version(wrapped []byte) string {
	rest, ok := strings.CutPrefix(string(wrapped), "vault:")
	of, text, whole := strings.Cut(rest, ":")
	if !ok || !whole || text == "" {
		return ""
	}
	return of
}

func (t *Transit) ask(what string, body map[string]string, out any) error {
	a, err := t.client.ask(context.Background(), http.MethodPost, t.mount+"/"+what+"/"+t.key, body)
	if err != nil {
		return err
	}
	if json.Unmarshal(a.Data, out) != nil {
		return errAnswer
	}
	return nil
}

func coded(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
