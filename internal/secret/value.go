package secret

import "doorward/internal/gate"

// Value is the text of one secret. It prints as [secret] whatever prints it.
type Value = gate.Secret

func newValue(text string) Value { return gate.NewSecret(text) }
