package decahose

import (
	"crypto/tls"
	"fmt"
	"strings"

	commontls "github.com/influxdata/telegraf/plugins/common/tls"
)

// TLSConfig is Telegraf's, with the two options that Telegraf forgets where they stand alone: a user
// who demands TLS 1.3 must not get less. Bad values come back as *OptionError. Telegraf's loader of
// the configuration calls it, before Init.
func (d *Decahose) TLSConfig() (*tls.Config, error) {
	if err := d.checkTLS(); err != nil {
		return nil, err
	}
	cfg, err := d.ClientConfig.TLSConfig()
	if err != nil {
		return nil, fmt.Errorf("make TLS configuration: %w", err)
	}
	if cfg == nil {
		cfg = &tls.Config{}
	}
	if d.TLSMinVersion != "" {
		cfg.MinVersion, err = commontls.ParseTLSVersion(d.TLSMinVersion)
	}
	if err == nil && len(d.TLSCipherSuites) > 0 {
		cfg.CipherSuites, err = commontls.ParseCiphers(d.TLSCipherSuites)
	}
	return cfg, err
}

// checkTLS tries each option alone, since Telegraf's errors do not name them.
func (d *Decahose) checkTLS() error {
	if d.Enable != nil && !*d.Enable && strings.HasPrefix(d.StreamURL, "https:") {
		return &OptionError{"tls_enable", "false", "true or absent, since stream_url is https"}
	}
	if m := d.RenegotiationMethod; m != "" {
		if err := oneOf("tls_renegotiation_method", m, "never", "once", "freely"); err != nil {
			return err
		}
	}
	if v := d.TLSMinVersion; v != "" {
		if _, err := commontls.ParseTLSVersion(v); err != nil {
			return bad("tls_min_version", v, `one of "TLS10", "TLS11", "TLS12", "TLS13"`)
		}
	}
	if _, err := commontls.ParseCiphers(d.TLSCipherSuites); err != nil {
		return bad("tls_cipher_suites", d.TLSCipherSuites, `names of cipher suites, or "all", "secure", "insecure"`)
	}
	return d.checkCertificates()
}

func (d *Decahose) checkCertificates() error {
	ca := commontls.ClientConfig{TLSCA: d.TLSCA}
	if _, err := ca.TLSConfig(); err != nil {
		return bad("tls_ca", d.TLSCA, "a readable file with certificates in PEM")
	}
	switch {
	case d.TLSCert != "" && d.TLSKey == "":
		return &OptionError{"tls_key", "", `set when "tls_cert" is`}
	case d.TLSCert == "" && d.TLSKey != "":
		return &OptionError{"tls_cert", "", `set when "tls_key" is`}
	}
	pair := commontls.ClientConfig{TLSCert: d.TLSCert, TLSKey: d.TLSKey, TLSKeyPwd: d.TLSKeyPwd}
	if _, err := pair.TLSConfig(); err != nil {
		return bad("tls_cert", d.TLSCert, `a readable PEM certificate that "tls_key" (and "tls_key_pwd") fits: `+err.Error())
	}
	return nil
}
