//! What a provider refuses to open: a home that others may change, and one that lost a key.

use std::fs;
use std::path::Path;

use countersign_op::Provider;

use crate::world::World;

/// The error of opening this home again; the world's provider must be closed.
fn refusal(world: &World, home: &Path) -> String {
    match Provider::open(world.config(), home, world.ports()) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

/// Another home than the world's, with database and keys, closed.
fn closed_home(world: &World) -> std::path::PathBuf {
    let home = world.home().join("another");
    drop(Provider::open(world.config(), &home, world.ports()).unwrap_or_else(|error| panic!("{error}")));
    home
}

#[tokio::test]
async fn a_home_with_a_database_and_without_one_of_its_keys_is_refused_by_the_files_name() {
    let world = World::new();
    let home = closed_home(&world);
    for name in [
        "evidence-root.p8",
        "gateway.p8",
        "registration.p8",
        "vapid.p8",
        "token.p8",
        "gateway-secret.secret",
        "user-codes.secret",
    ] {
        let path = home.join("keys").join(name);
        let kept = fs::read(&path).expect("a key");
        fs::remove_file(&path).expect("removed");
        let refused = refusal(&world, &home);
        assert!(refused.contains(&format!("{} is missing", path.display())), "{name}: {refused}");
        assert!(!path.exists(), "{name} was not made anew");
        fs::write(&path, kept).expect("written");
        #[cfg(unix)]
        set_mode(&path, 0o600);
        assert_eq!(refusal(&world, &home), "", "{name} is back");
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
}

#[cfg(unix)]
#[tokio::test]
async fn a_home_that_others_may_change_is_refused_with_the_command_that_mends_it() {
    let world = World::new();
    let home = closed_home(&world);
    let keys = home.join("keys");
    for (path, mode, usual, command) in [
        (home.clone(), 0o777, 0o700, "chmod go-w"),
        (keys.clone(), 0o770, 0o700, "chmod go-w"),
        (keys.join("token.p8"), 0o666, 0o600, "chmod 600"),
        (home.join("provider.db"), 0o660, 0o600, "chmod go-w"),
    ] {
        set_mode(&path, mode);
        let refused = refusal(&world, &home);
        assert!(refused.ends_with(&format!("run: {command} {}", path.display())), "{refused}");
        set_mode(&path, usual);
    }
    let (database, elsewhere) = (home.join("provider.db"), home.join("elsewhere.db"));
    fs::rename(&database, &elsewhere).expect("moved");
    std::os::unix::fs::symlink(&elsewhere, &database).expect("linked");
    let refused = refusal(&world, &home);
    assert!(refused.contains("is a symbolic link"), "{refused}");
    fs::remove_file(&database).expect("removed");
    fs::rename(&elsewhere, &database).expect("moved back");
    assert_eq!(refusal(&world, &home), "");
}
