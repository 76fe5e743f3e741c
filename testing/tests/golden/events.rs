//! Golden files of events: what passes, and what is said of what does not.

use composable_rust_testing::golden_events;

use crate::{
    Folder,
    door::{DoorEvent, LOCKED, OPENED, current, door, locked},
};

#[test]
fn what_is_as_it_was_released_passes_old_forms_included() {
    let folder = Folder::with(&[
        OPENED,
        ("DoorLocked.v2.hex", "070461646173\n"),
        ("DoorLocked.v1.hex", "07"),
        ("DoorSlammed.v1.hex", ""),
        ("DoorLookedAt.v1.hex", "ff"),
        ("README.md", "not a golden file"),
    ]);
    door(folder.path())
        .current(current())
        .old("DoorLocked.v1", [DoorEvent::Locked(locked(7, "nobody"))])
        .old("DoorSlammed.v1", [DoorEvent::Opened, DoorEvent::Opened])
        .old("DoorLookedAt.v1", [])
        .check();
}

#[test]
fn a_changed_form_is_explained_by_type_difference_and_way_out() {
    let folder = Folder::with(&[OPENED, ("DoorLocked.v2.hex", "070461646173\n")]);
    let swapped = DoorEvent::Swapped(locked(7, "ada"));
    let said = folder.said(|path| door(path).current(swapped).check());
    assert_eq!(
        said,
        "\"DoorLocked.v2\" is not written as it was released

the released bytes are read as something else (- this test, + read):
- Swapped(
+ Locked(
      Locked {
          code: 7,
-         by: \"ada\",
+         by: \"adas\",
      },

the bytes differ from byte 1 on (- released, + now):
- 070461646173 (6 bytes)
+ 0361646107 (5 bytes)

help: if only the example in this test has changed, change it back. Otherwise: logs hold events of the released form, so \
         give the new form a name of its own and keep the old one: `#[event(\"DoorLocked.v3\", from(\"DoorLocked.v2\" = \
         TheOldPayload))]` with a `From<TheOldPayload>`, and `.old(\"DoorLocked.v2\", [...])` in this test. If no log \
         holds such an event yet, delete the file and run this test with GOLDEN=write"
            .replace("\\\n         ", "")
    );
}

#[test]
fn released_bytes_that_can_not_be_read_are_said_to_be_so() {
    let folder = Folder::with(&[OPENED, ("DoorLocked.v2.hex", "07046164617300\n")]);
    let said = folder.said(|path| door(path).current(current()).check());
    assert!(
        said.contains(
            "the released bytes can't be read any more: bytes are left over after the event: 1\n\nthe bytes differ"
        ),
        "{said}"
    );
}

#[test]
fn an_old_event_that_is_lost_misread_or_unknown_is_named() {
    let folder = Folder::with(&[OPENED, ("DoorLocked.v1.hex", "07"), ("DoorShut.v1.hex", "07")]);
    let said = folder.said(|path| {
        door(path)
            .old("DoorLocked.v1", [DoorEvent::Locked(locked(7, "somebody"))])
            .old("DoorShut.v1", [DoorEvent::Opened])
            .old("DoorSlammed.v1", [])
            .check();
    });
    let parts: Vec<&str> = said.split("\n\n---\n\n").collect();
    assert_eq!(
        parts,
        [
            "the released bytes of \"DoorLocked.v1\" are not read as expected (- expected, + read)

          code: 7,
-         by: \"somebody\",
+         by: \"nobody\",
      },

help: an old form stays as it was, with the `From` that leads from it to the event of today; see that `From` and the type \
of the old payload",
            "the released bytes of \"DoorShut.v1\" are not read as expected (- expected, + read)

unknown event type \"DoorShut.v1\": list it, as `from(\"DoorShut.v1\" = ...)`, `alias(\"DoorShut.v1\")` or \
`skip(\"DoorShut.v1\")`

help: an old form stays as it was, with the `From` that leads from it to the event of today; see that `From` and the type \
of the old payload",
            "the golden file of the old event \"DoorSlammed.v1\" is missing: golden/DoorSlammed.v1.hex

help: get it back from version control, or write the bytes of such an event there in hexadecimal digits, as a log holds \
them: this program can't write it any more",
        ]
    );
}

#[test]
fn a_file_that_nobody_checks_is_named() {
    let folder = Folder::with(&[OPENED, LOCKED]);
    let said = folder.said(|path| door(path).check());
    assert_eq!(
        said,
        "nothing checks the golden file golden/DoorLocked.v2.hex\n\nhelp: what was stored once is read for ever: keep the \
         old name, and add `.old(\"DoorLocked.v2\", [...])` with what it is read as today"
    );
}

#[test]
fn a_file_that_is_not_hexadecimal_is_named() {
    let folder = Folder::with(&[("DoorOpened.v1.hex", "0x7")]);
    let said = folder.said(|path| door(path).check());
    assert!(
        said.starts_with("golden/DoorOpened.v1.hex does not hold pairs of hexadecimal digits"),
        "{said}"
    );
}

#[test]
fn an_event_that_does_not_come_back_is_no_golden_event() {
    let folder = Folder::with(&[OPENED]);
    let said = folder.said(|path| door(path).current(DoorEvent::Forgetful(7)).check());
    assert!(
        said.starts_with("\"DoorForgot.v1\" does not come back as it was written (- written, + read)\n\n  Forgetful(\n-     7,\n+     0,"),
        "{said}"
    );
}

#[test]
fn a_name_that_is_both_current_and_old_and_a_check_of_nothing_are_mistakes() {
    let folder = Folder::with(&[OPENED]);
    let said = folder.said(|path| door(path).old("DoorOpened.v1", [DoorEvent::Opened]).check());
    assert!(
        said.starts_with("\"DoorOpened.v1\" is checked as current and as old"),
        "{said}"
    );
    let folder = Folder::with(&[]);
    let said = folder.said(|path| golden_events!(DoorEvent, path).check());
    assert!(said.starts_with("no event is checked"), "{said}");
}
