package option

import (
	"github.com/influxdata/telegraf/config"

	"github.com/decahose/telegraf-decahose/internal/archive"
)

// BucketKeys are the options of the keys of an archive's bucket. Session may be empty, or all.
type BucketKeys struct{ Access, Secret, Session *config.Secret }

// Archive has an archive read the keys as they are now, by read: secret stores rotate. They are read once at the start, and
// what read says then is the error. Where no keys are set it is left to the ways of the cloud's own tools.
func (b BucketKeys) Archive(read func(option string, secret *config.Secret) (string, error)) (o archive.Options, err error) {
	if b.Access.Empty() {
		return o, nil
	}
	o.Keys = func() (archive.Keys, error) { return b.keys(read) }
	_, err = o.Keys()
	return o, err
}

func (b BucketKeys) keys(read func(option string, secret *config.Secret) (string, error)) (k archive.Keys, err error) {
	for _, c := range []struct {
		option string
		secret *config.Secret
		to     *string
	}{
		{"access_key", b.Access, &k.Access},
		{"secret_key", b.Secret, &k.Secret},
		{"session_token", b.Session, &k.Session},
	} {
		if c.secret.Empty() {
			continue
		}
		if *c.to, err = read(c.option, c.secret); err != nil {
			return k, err
		}
	}
	return k, nil
}
