package issuer

import "doorward/internal/gate"

// readActors reads who acts for the subject, and for whom those act in turn (RFC 8693
// §4.1): the outermost is the one who called. A chain that cannot be read whole is
// one of which the record would not say who acted, so the token is refused.
func (a *authority) readActors(c object, _ request, t *Token) error {
	v, found := c["act"]
	for found {
		if len(t.Act) == gate.MaxActors {
			return invalid("act names more actors than are accepted")
		}
		act, err := readObject(v, maxPayloadDepth)
		if err != nil {
			return invalid("act is not an object of claims")
		}
		if why := act.misnamed("sub", "iss", "client_id", "act"); why != "" {
			return invalid("act: " + why)
		}
		var one gate.Actor
		for name, to := range map[string]*string{"sub": &one.Subject, "iss": &one.Issuer, "client_id": &one.Client} {
			if err := act.actor(name, to); err != nil {
				return err
			}
		}
		if one.Subject == "" && one.Client == "" {
			return invalid("act names nobody")
		}
		t.Act = append(t.Act, one)
		v, found = act["act"]
	}
	return nil
}

// actor reads a name of an actor, if it is there.
func (o object) actor(name string, to *string) error {
	v, found := o[name]
	if !found {
		return nil
	}
	s, ok := text(v)
	if !ok || !clean(s) {
		return invalid("act: " + name + " is not 1 to 256 printable bytes")
	}
	*to = s
	return nil
}
