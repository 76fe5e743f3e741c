//! When golden files are written.

use crate::{
    Folder,
    door::{DoorEvent, OPENED, current, door, locked, two},
    said_by, told, writing, writing_with,
};

#[test]
fn a_missing_file_fails_and_is_not_written() {
    let folder = Folder::with(&[]);
    let said = folder.said(|path| door(path).check());
    assert_eq!(
        said,
        "the golden file of \"DoorOpened.v1\" is missing: golden/DoorOpened.v1.hex\n\n\
         help: if the event is new, run this test once with GOLDEN=write in the environment and commit the file; if the \
         file was there before, get it back: logs hold such events"
    );
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn nothing_is_written_where_ci_runs_and_it_is_said_why() {
    if let Some(told) = told() {
        let said = said_by(|| door(&told).check());
        assert!(
            said.ends_with("; CI is set in the environment, where GOLDEN=write is not heeded"),
            "{said}"
        );
        return;
    }
    let folder = Folder::with(&[]);
    let test = "writing::nothing_is_written_where_ci_runs_and_it_is_said_why";
    writing_with(test, &folder, &[("CI", "true")]);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn what_is_missing_is_written_when_asked_for_and_what_is_there_never() {
    if let Some(told) = told() {
        return door(&told).current(current()).check();
    }
    let folder = Folder::with(&[]);
    let test = "writing::what_is_missing_is_written_when_asked_for_and_what_is_there_never";
    writing(test, &folder);
    assert_eq!(folder.read("DoorLocked.v2.hex"), "070461646173\n");
    assert_eq!(folder.read("DoorOpened.v1.hex"), "-\n");
    door(folder.path()).current(current()).check();

    let other = DoorEvent::Locked(locked(8, "adas"));
    let said = folder.said(|path| door(path).current(other).check());
    assert!(
        said.starts_with("\"DoorLocked.v2\" is not written as it was released"),
        "{said}"
    );
}

#[test]
fn writing_leaves_a_changed_file_as_it_was_released() {
    if let Some(told) = told() {
        let other = DoorEvent::Locked(locked(8, "adas"));
        said_by(|| door(&told).current(other).check());
        return;
    }
    let folder = Folder::with(&[OPENED, ("DoorLocked.v2.hex", "070461646173\n")]);
    writing("writing::writing_leaves_a_changed_file_as_it_was_released", &folder);
    assert_eq!(folder.read("DoorLocked.v2.hex"), "070461646173\n");
}

#[test]
fn a_new_event_of_a_known_name_is_written_after_those_that_are_there() {
    if let Some(told) = told() {
        return two(&told).check();
    }
    let folder = Folder::with(&[OPENED, ("DoorLocked.v2.hex", "070461646173\n")]);
    let said = folder.said(|path| two(path).check());
    assert!(
        said.starts_with(
            "event 2 of \"DoorLocked.v2\" is not in golden/DoorLocked.v2.hex\n\nhelp: if the event is new, run"
        ),
        "{said}"
    );
    let test = "writing::a_new_event_of_a_known_name_is_written_after_those_that_are_there";
    writing(test, &folder);
    assert_eq!(folder.read("DoorLocked.v2.hex"), "070461646173\n\n0804626f6273\n");
}
