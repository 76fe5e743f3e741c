//! Several golden events of one stored name.

use std::path::Path;

use crate::{
    Folder,
    door::{DoorEvent, OPENED, current, door, locked, two},
};

#[test]
fn several_events_of_one_name_share_its_file() {
    let good = ("DoorLocked.v2.hex", "070461646173\n\n0804626f6273\n");
    two(Folder::with(&[OPENED, good]).path()).check();
    let windows = ("DoorLocked.v2.hex", "070461646173\r\n\r\n0804626f6273\r\n");
    two(Folder::with(&[OPENED, windows]).path()).check();

    let folder = Folder::with(&[OPENED, ("DoorLocked.v2.hex", "070461646173\n\n0904626f6273\n")]);
    let said = folder.said(|path| two(path).check());
    assert!(
        said.starts_with("event 2 of \"DoorLocked.v2\" is not written as it was released"),
        "{said}"
    );
    let folder = Folder::with(&[OPENED, good]);
    let said = folder.said(|path| door(path).current(current()).check());
    assert!(
        said.starts_with("golden/DoorLocked.v2.hex holds more than 1 event\n\nhelp: get the events back"),
        "{said}"
    );
}

#[test]
fn several_events_of_an_old_name_are_read_in_the_order_of_its_file() {
    let folder = Folder::with(&[OPENED, ("DoorLocked.v1.hex", "07\n\n08")]);
    let old = |path: &Path, codes: &[u32]| {
        let door = door(path);
        codes.iter().fold(door, |door, &code| {
            door.old("DoorLocked.v1", [DoorEvent::Locked(locked(code, "nobody"))])
        })
    };
    old(folder.path(), &[7, 8]).check();
    let said = folder.said(|path| old(path, &[7, 9]).check());
    assert!(
        said.starts_with("the released bytes of event 2 of \"DoorLocked.v1\" are not read as expected"),
        "{said}"
    );
    let said = folder.said(|path| old(path, &[7]).check());
    assert!(
        said.starts_with("golden/DoorLocked.v1.hex holds more than 1 event"),
        "{said}"
    );
    let said = folder.said(|path| old(path, &[7, 8, 9]).check());
    assert!(
        said.starts_with("event 3 of the old event \"DoorLocked.v1\" is not in golden/DoorLocked.v1.hex"),
        "{said}"
    );
}
