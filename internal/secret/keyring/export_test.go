package keyring

import (
	"context"
	"time"
)

// BlobText and SecurityPassword read what other systems give out.
var (
	BlobText         = blobText
	SecurityPassword = securityPassword
)

// ErrSilent is the error of a place that does not answer.
var ErrSilent = errSilent

// Asking is a keyring that a function answers for.
func Asking(ask func(where string) (string, error)) *Keyring {
	k := New(nil)
	k.ask = func(_ context.Context, service, account string) (item, error) {
		text, err := ask(service + "/" + account)
		return item{text: text}, err
	}
	return k
}

// Impatient has a reading take no longer than d.
func (k *Keyring) Impatient(d time.Duration) { k.patience = d }
