package main

import (
	"fmt"

	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
	"github.com/decahose/telegraf-decahose/plugins/outputs/decahose_archive"
)

// becomeOwner takes the identity of who owns what the configuration writes to, for a check by root. Options that are
// wrong are told of by Init.
func (s *settings) becomeOwner() error {
	for _, dir := range s.directories() {
		if err := become(dir); err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
	}
	return nil
}

// directories are those that the plugins of the file write to.
func (s *settings) directories() (dirs []string) {
	for _, ri := range s.inputs {
		if d := ri.Input.(*decahose.Decahose); d.InitState() == nil {
			dirs = append(dirs, d.StateDirectory)
		}
	}
	if s.output != nil {
		dirs = append(dirs, s.output.Output.(*decahose_archive.Archive).Directory())
	}
	return dirs
}
