package app

import (
	"errors"
	"fmt"

	"doorward/internal/secret"
	oskeyring "doorward/internal/secret/keyring"
)

// inKeyring is the place of secrets in the operating system's keyring. Nothing is asked yet.
func (a *App) inKeyring() secret.Place {
	items := oskeyring.New(a.variable)
	return func(where string, fresh bool) (secret.Reading, error) {
		text, changed, err := items.Read(where, fresh)
		switch {
		case errors.Is(err, oskeyring.ErrAbsent):
			return secret.Reading{}, fmt.Errorf("%w: %w", secret.ErrAbsent, err)
		case err != nil:
			return secret.Reading{}, err
		}
		return secret.Reading{Text: text, Changed: changed}, nil
	}
}
