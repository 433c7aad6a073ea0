package audit

import "fmt"

// say seals what an event says of a person with that person's key, whatever
// Config.Arguments and Config.PlainIdentity keep of calls: Keyring.Arguments opens it.
func (e *entry) say(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if len(text) > maxArguments {
		return fmt.Errorf("an event says at most %d bytes of a person, not %d", maxArguments, len(text))
	}
	k, r := &e.keeper, &e.rec
	who, err := k.note.of(r)
	if err != nil {
		return err
	}
	k.out, err = who.seal(k.out[:0], text, k.note.bind(r, boundArguments))
	r.Sealed = k.out
	return err
}
