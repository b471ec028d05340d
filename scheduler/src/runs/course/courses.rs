//! The courses that are open: those that are told of, and those that were looked at last.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gugus_pages::run::{Course, RunId};
use gugus_train::Observer;

use super::file::CourseFile;
use super::view::ModelsAsked;

/// How many courses stay in memory, beyond those that are being told of. A course of 100,000 models takes some 15 MB.
const REMEMBERED: usize = 4;

/// All courses of a scheduler.
#[derive(Debug, Default)]
pub(in crate::runs) struct Courses(Mutex<VecDeque<(RunId, Arc<CourseFile>)>>);

/// The course of a run that is being driven.
#[derive(Clone, Debug)]
pub(in crate::runs) struct Told(Option<Arc<CourseFile>>);

impl Courses {
    /// A new course for an attempt that begins. Where it cannot be kept, the run goes on all the same.
    pub(in crate::runs) fn begin(&self, id: &RunId, path: &Path) -> Told {
        self.told(id, CourseFile::begin(path))
    }

    /// The course of a standing run, whose newest models it keeps over all attempts.
    pub(in crate::runs) fn go_on(&self, id: &RunId, path: &Path) -> Told {
        self.told(id, CourseFile::go_on(path))
    }

    fn told(&self, id: &RunId, course: io::Result<CourseFile>) -> Told {
        match course {
            Ok(course) => {
                let course = Arc::new(course);
                self.remember(id, &course);
                Told(Some(course))
            }
            Err(error) => {
                tracing::warn!(%id, %error, "the lines about this run's models cannot be kept; the run goes on without them");
                self.open().retain(|(other, _)| other != id);
                Told(None)
            }
        }
    }

    /// What a viewer wants to see of a run's course. Reads the run's file the first time.
    pub(in crate::runs) fn show(
        &self,
        id: &RunId,
        path: &Path,
        asked: &ModelsAsked,
    ) -> io::Result<Course> {
        let open = self
            .open()
            .iter()
            .find(|(open, _)| open == id)
            .map(|(_, course)| Arc::clone(course));
        let course = match open {
            Some(course) => course,
            None => match CourseFile::read(path) {
                Ok(course) => {
                    let course = Arc::new(course);
                    self.keep(id, course)
                }
                // A run that waits for its turn, or of an older version.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(Course::default());
                }
                Err(error) => return Err(error),
            },
        };
        Ok(course.show(asked))
    }

    /// The course that is known by now, or else this one, which was read. An attempt may have begun meanwhile.
    fn keep(&self, id: &RunId, read: Arc<CourseFile>) -> Arc<CourseFile> {
        let mut open = self.open();
        if let Some((_, known)) = open.iter().find(|(known, _)| known == id) {
            return Arc::clone(known);
        }
        Self::add(&mut open, id, &read);
        read
    }

    fn remember(&self, id: &RunId, course: &Arc<CourseFile>) {
        let mut open = self.open();
        open.retain(|(other, _)| other != id);
        Self::add(&mut open, id, course);
    }

    fn add(open: &mut VecDeque<(RunId, Arc<CourseFile>)>, id: &RunId, course: &Arc<CourseFile>) {
        open.push_back((id.clone(), Arc::clone(course)));
        // A course that is being told of has a second owner, its driver.
        while open.len() > REMEMBERED {
            let Some(at) = open
                .iter()
                .position(|(_, course)| Arc::strong_count(course) == 1)
            else {
                return;
            };
            open.remove(at);
        }
    }

    fn open(&self) -> MutexGuard<'_, VecDeque<(RunId, Arc<CourseFile>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    /// The observer that the driver reports to.
    pub(in crate::runs) fn observer(&self) -> Arc<dyn Observer> {
        match &self.0 {
            Some(course) => Arc::clone(course) as Arc<dyn Observer>,
            None => Arc::new(()),
        }
    }

    /// The attempt ended: all that was told is on disk now.
    pub(in crate::runs) fn end(self) {
        if let Some(course) = self.0 {
            course.end();
        }
    }
}
